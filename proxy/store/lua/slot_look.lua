-- How an account stands: slots that are held, and how long until its submit bucket has a token.
-- KEYS: 1 slots 2 submit bucket
-- ARGV: 1 interval (us; 0: no bucket) 2 span (us)
-- Reply: slots held, us to wait for a token
-- Time: Redis TIME. Complexity: O(log slots)
-- include: clock
local held, interval = redis.call('ZCOUNT', KEYS[1], '(' .. string.format('%.0f', now_ms), '+inf'), tonumber(ARGV[1])
if interval == 0 then return {held, 0} end
local stored = math.min(tonumber(redis.call('GET', KEYS[2])) or 0, now_us + ARGV[2])
return {held, math.max(0, math.max(stored, now_us) + interval - now_us - ARGV[2])}
