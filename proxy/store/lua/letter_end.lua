-- Note what became of a letter that was taken: it is due again later, or done with. What was taken keeps no body,
-- what was not is listed. A receiver that takes nothing several times in a row, or asks for it, rests.
-- KEYS: 1 letter 2 its receiver's box 3 outbox 4 the receiver's rest 5 its latest tries 6 undelivered letters
-- ARGV: 1 the lease 2 letter id 3 receiver 4 f failed, and sent again; d delivered, g given up, s silenced, w withdrawn
--   5 due again in (ms) if it failed 6 how long the letter is kept from now on (ms) 7 line for the log
--   8 beginning of the answer 9 failures in a row after which the receiver rests 10 its shortest rest
--   11 its longest (ms) 12 the rest that it asked for (ms)
-- Reply: 1, or 0 when somebody else has it now
-- Time: Redis TIME. Complexity: O(log letters)
-- include: clock
-- include: rest
local last = redis.call('HGET', KEYS[1], 'l')
if not last or last == '-' .. ARGV[1] then return 1 end
if last ~= ARGV[1] then return 0 end
local line = string.format('%.0f ', now_ms) .. ARGV[7]
local log, count = line, 1
for earlier in string.gmatch(redis.call('HGET', KEYS[1], 'log') or '', '[^\n]+') do
  count = count + 1
  if count <= 10 then log = log .. '\n' .. earlier end
end
redis.call('HSET', KEYS[1], 'l', '-' .. ARGV[1], 'log', log)
redis.call('HDEL', KEYS[1], 'say')
if ARGV[8] ~= '' then redis.call('HSET', KEYS[1], 'say', ARGV[8]) end
redis.call('PEXPIRE', KEYS[1], ARGV[6])
redis.call('LPUSH', KEYS[5], line .. ' ' .. ARGV[2])
redis.call('LTRIM', KEYS[5], 0, 49)
redis.call('PEXPIRE', KEYS[5], ARGV[6])
local failures, until_ms = rest_of()
if ARGV[4] == 'f' then
  redis.call('ZADD', KEYS[2], now_ms + ARGV[5], ARGV[2])
  local pause_ms, over = tonumber(ARGV[12]), failures + 1 - ARGV[9]
  if over >= 0 then pause_ms = math.max(pause_ms, math.min(ARGV[10] * 2 ^ math.min(over, 30), tonumber(ARGV[11]))) end
  until_ms = now_ms + pause_ms
  rest(failures + 1, until_ms)
else
  redis.call('HSET', KEYS[1], 's', ARGV[4])
  redis.call('ZREM', KEYS[2], ARGV[2])
  if ARGV[4] == 'd' then
    redis.call('HDEL', KEYS[1], 'body')
    redis.call('DEL', KEYS[4])
    until_ms = 0
  else
    redis.call('ZADD', KEYS[6], now_ms, ARGV[2])
    redis.call('ZREMRANGEBYSCORE', KEYS[6], '-inf', now_ms - ARGV[6])
  end
end
line_up(ARGV[3], until_ms)
return 1
