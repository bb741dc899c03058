-- Write the intent to submit a queued job's current attempt, and lease the job to the caller.
-- KEYS: 1 job 2 due 3 waiting 4 running 5 team 6 organisation 7 ledger 8 job list
-- ARGV: 1 operation id 2 fence 3 attempt number 4 job id 5 attempt text 6 running jobs at most 7 lease (ms)
--   8 provider
-- Reply: ok and the job's head (its fence raised by one), lost, full, or frozen
-- Time: Redis TIME. Complexity: O(log jobs)
-- include: clock
-- include: fenced
-- include: flags
if state ~= 'q' or string.find(flags, 'c', 1, true) then return {'lost'} end
local own, shared = redis.call('HGET', KEYS[5], 'z'), redis.call('HGET', KEYS[6], 'z')
if is_flagged(own, 'freeze') or is_flagged(shared, 'freeze') or is_frozen(shared, ARGV[8]) then
  return {'frozen'}
end
if redis.call('SCARD', KEYS[4]) >= tonumber(ARGV[6]) then return {'full'} end
local submitted = string.format('%.0f', now_ms) .. ARGV[5]
redis.call('HSET', KEYS[1], 's', 'b', 'f', ARGV[2] + 1, 'o' .. ARGV[3], submitted, 'l', op)
redis.call('SADD', KEYS[4], ARGV[4])
redis.call('ZADD', KEYS[2], now_ms + ARGV[7], ARGV[4])
redis.call('ZREM', KEYS[3], ARGV[4])
return report('ok')
