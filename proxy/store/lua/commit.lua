-- Store a step of a job that moves no money, and say when the next one is due. A hint that came meanwhile
-- brings it forward, unless the caller keeps its lease.
-- KEYS: 1 job 2 due 3 line 4 running 5 team 6 organisation 7 ledger 8 job list 9 lines 10 deadlines
-- ARGV: 1 operation id 2 fence 3 attempt number 4 job id 5 state 6 due in (ms) 7 state before
--   8 deadline (ms), then fields and values
-- Reply: ok and the job's head, or lost
-- Time: Redis TIME. Complexity: O(log jobs)
-- include: clock
-- include: fenced
-- include: line
-- A renewal that overtakes the step it was made for, on another connection, must not undo that step.
if is_over or state ~= ARGV[7] then return {'lost'} end
redis.call('HSET', KEYS[1], 's', ARGV[5], 'l', op, unpack(ARGV, 9))
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
  -- One whose cancel came in between only waits for its end.
  local is_cancelled = string.find(flags, 'c', 1, true)
  enqueue(KEYS[3], KEYS[9], KEYS[10], ARGV[4], due_ms, is_cancelled and now_ms or ARGV[8])
  redis.call('ZREM', KEYS[2], ARGV[4])
else
  redis.call('ZADD', KEYS[2], due_ms, ARGV[4])
  dequeue(KEYS[3], KEYS[9], KEYS[10], ARGV[4])
end
if ARGV[5] == 'q' or ARGV[5] == 'u' then
  redis.call('SREM', KEYS[4], ARGV[4])
else
  redis.call('SADD', KEYS[4], ARGV[4])
end
return report('ok')
