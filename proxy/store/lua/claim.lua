-- Lease one due job to the caller, raising its fence.
-- KEYS: 1 job 2 due
-- ARGV: 1 operation id 2 job id 3 lease (ms)
-- Reply: the job's fields; empty when it is not due (any more), or is gone or over
-- Time: Redis TIME. Complexity: O(log jobs)
-- include: clock
local state, last = unpack(redis.call('HMGET', KEYS[1], 's', 'l'))
if state and last == ARGV[1] then return redis.call('HGETALL', KEYS[1]) end
local is_gone = not state and redis.call('EXISTS', KEYS[1]) == 0
if is_gone or state == 'c' or state == 'f' or state == 'x' then
  redis.call('ZREM', KEYS[2], ARGV[2])
  return {}
end
local due_ms = redis.call('ZSCORE', KEYS[2], ARGV[2])
if not due_ms or tonumber(due_ms) > now_ms then return {} end
if not state then return redis.call('HGETALL', KEYS[1]) end
redis.call('HINCRBY', KEYS[1], 'f', 1)
redis.call('HSET', KEYS[1], 'l', ARGV[1], 'p', now_ms)
redis.call('ZADD', KEYS[2], now_ms + ARGV[3], ARGV[2])
return redis.call('HGETALL', KEYS[1])
