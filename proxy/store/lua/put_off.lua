-- Put off the step of a job whose record cannot be read. It stays in its queue, and nothing of it is changed.
-- KEYS: 1 a queue: job ids by ms
-- ARGV: 1 job id 2 for how long (ms)
-- Reply: 1, or 0 when it stands there no more
-- Time: Redis TIME. Complexity: O(log jobs)
-- include: clock
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[1], 'XX', now_ms + ARGV[2], ARGV[1])
return 1
