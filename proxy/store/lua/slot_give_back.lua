-- Give back a slot under which nothing was submitted, and the token of the submit bucket that it had cost.
-- KEYS: 1 slots 2 submit bucket
-- ARGV: 1 attempt id 2 interval (us; 0: no bucket)
-- Reply: 1, or 0 when it was not held: then no token is given back
-- Time: Redis TIME. Complexity: O(log slots)
-- include: clock
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 0 end
local stored = redis.call('GET', KEYS[2])
if ARGV[2] == '0' or not stored then return 1 end
local left_us = stored - ARGV[2] - now_us
if left_us <= 0 then
  redis.call('DEL', KEYS[2])
else
  redis.call('SET', KEYS[2], string.format('%.0f', stored - ARGV[2]), 'PX', math.ceil(left_us / 1000))
end
return 1
