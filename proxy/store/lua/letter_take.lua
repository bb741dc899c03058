-- Lease a due letter to the caller, who will send it; it is due again when the lease ends.
-- KEYS: 1 letter 2 outbox
-- ARGV: 1 operation id, which is the lease 2 letter id 3 lease (ms)
-- Reply: the letter's fields; empty when it is not due (any more), or is gone
-- Time: Redis TIME. Complexity: O(log letters)
-- include: clock
if redis.call('HGET', KEYS[1], 'l') == ARGV[1] then return redis.call('HGETALL', KEYS[1]) end
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('ZREM', KEYS[2], ARGV[2])
  return {}
end
local due_ms = redis.call('ZSCORE', KEYS[2], ARGV[2])
if not due_ms or tonumber(due_ms) > now_ms then return {} end
redis.call('HINCRBY', KEYS[1], 'tries', 1)
redis.call('HSET', KEYS[1], 'l', ARGV[1])
redis.call('ZADD', KEYS[2], now_ms + ARGV[3], ARGV[2])
return redis.call('HGETALL', KEYS[1])
