-- How an account stands: slots that are held, and how long until its submit bucket is full.
-- KEYS: 1 slots 2 submit bucket
-- ARGV: none
-- Reply: slots held, us until the bucket is full
-- Time: Redis TIME. Complexity: O(log slots)
-- include: clock
local held = redis.call('ZCOUNT', KEYS[1], '(' .. string.format('%.0f', now_ms), '+inf')
return {held, math.max(0, (tonumber(redis.call('GET', KEYS[2])) or 0) - now_us)}
