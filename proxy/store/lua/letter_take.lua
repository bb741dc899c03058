-- Lease a due letter to the caller, who will send it; it is due again when the lease ends. A receiver that rests is
-- left alone, and after that gets one letter at a time until it takes one. A letter past its time is had all the
-- same: it is not sent any more.
-- KEYS: 1 letter 2 its receiver's box 3 outbox 4 the receiver's rest
-- ARGV: 1 operation id, which is the lease 2 letter id 3 receiver 4 lease (ms) 5 how long letters are tried (ms)
--   6 failures in a row after which a receiver rests
-- Reply: 1 if it is past its time, else 0, then its fields; empty when it is not due (any more), is gone, or rests
-- Time: Redis TIME. Complexity: O(log letters)
-- include: clock
-- include: rest
local last, at, again = unpack(redis.call('HMGET', KEYS[1], 'l', 'at', 'again'))
local is_past = at and now_ms > (again or at) + ARGV[5]
local function taken() return {is_past and 1 or 0, redis.call('HGETALL', KEYS[1])} end
if last == ARGV[1] then return taken() end
local failures, until_ms = rest_of()
if not at then redis.call('ZREM', KEYS[2], ARGV[2]) end
local due_ms = redis.call('ZSCORE', KEYS[2], ARGV[2])
if not due_ms or tonumber(due_ms) > now_ms or (until_ms > now_ms and not is_past) then
  line_up(ARGV[3], until_ms)
  return {}
end
if not is_past then
  redis.call('HINCRBY', KEYS[1], 'tries', 1)
  if failures >= tonumber(ARGV[6]) then
    until_ms = now_ms + ARGV[4]
    rest(failures, until_ms)
  end
end
redis.call('HSET', KEYS[1], 'l', ARGV[1])
redis.call('ZADD', KEYS[2], now_ms + ARGV[4], ARGV[2])
line_up(ARGV[3], until_ms)
return taken()
