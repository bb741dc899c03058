-- Bring the next step of a job forward: somebody has news of it. It changes neither state nor money.
-- However many ask, there is no less than the given time between two steps. A message is heard once.
-- KEYS: 1 job 2 due 3 message
-- ARGV: 1 operation id 2 job id 3 attempt number 4 least time between two steps (ms)
--   5 how long the message is remembered (s)
-- Reply: hinted, noted (a step is under way, the one after it will be brought forward), repeated (the
--   message was heard before), or idle (the attempt waits for no news)
-- Time: Redis TIME. Complexity: O(log jobs)
-- include: clock
local heard = redis.call('GET', KEYS[3])
if heard then
  local op, said = string.match(heard, '^(%S+) (%S+)$')
  return op == ARGV[1] and said or 'repeated'
end
local state, number, last, asked_ms = unpack(redis.call('HMGET', KEYS[1], 's', 'n', 'l', 'p'))
local answer = 'idle'
if number == ARGV[3] and (state == 'b' or state == 'r' or state == 'u') then
  if state == 'b' or string.sub(last, 1, 1) == '+' then
    redis.call('HSET', KEYS[1], 'h', ARGV[4])
    answer = 'noted'
  else
    local due_ms = math.max(now_ms, (tonumber(asked_ms) or 0) + ARGV[4])
    redis.call('ZADD', KEYS[2], 'XX', 'LT', due_ms, ARGV[2])
    answer = 'hinted'
  end
end
redis.call('SET', KEYS[3], ARGV[1] .. ' ' .. answer, 'EX', ARGV[5])
return answer
