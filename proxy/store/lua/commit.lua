-- Store a step of a job that moves no money, and say when the next one is due. A hint that came meanwhile
-- brings it forward, unless the caller keeps its lease.
-- KEYS: 1 job 2 due 3 waiting 4 running 5 team 6 organisation 7 ledger 8 job list
-- ARGV: 1 operation id 2 fence 3 attempt number 4 job id 5 state 6 due in (ms) 7 state before, then fields
--   and values
-- Reply: ok and the job's head, or lost
-- Time: Redis TIME. Complexity: O(log jobs)
-- include: clock
-- include: fenced
-- A renewal that overtakes the step it was made for, on another connection, must not undo that step.
if is_over or state ~= ARGV[7] then return {'lost'} end
redis.call('HSET', KEYS[1], 's', ARGV[5], 'l', op, unpack(ARGV, 8))
local due_ms = now_ms + ARGV[6]
if string.sub(op, 1, 1) ~= '+' then
  local least_ms, asked_ms = unpack(redis.call('HMGET', KEYS[1], 'h', 'p'))
  if least_ms then
    redis.call('HDEL', KEYS[1], 'h')
    if ARGV[5] == 'r' or ARGV[5] == 'u' then
      due_ms = math.min(due_ms, math.max(now_ms, (tonumber(asked_ms) or 0) + least_ms))
    end
  end
end
if ARGV[5] == 'q' then
  redis.call('ZADD', KEYS[3], due_ms, ARGV[4])
  redis.call('ZREM', KEYS[2], ARGV[4])
else
  redis.call('ZADD', KEYS[2], due_ms, ARGV[4])
  redis.call('ZREM', KEYS[3], ARGV[4])
end
if ARGV[5] == 'q' or ARGV[5] == 'u' then
  redis.call('SREM', KEYS[4], ARGV[4])
else
  redis.call('SADD', KEYS[4], ARGV[4])
end
return report('ok')
