-- The yardstick of admission: read the clock, read three fields of one hash, write them back.
-- It is never changed, so that ratios to it mean the same in every version.
-- KEYS: 1 a hash
-- ARGV: 1 amount
-- Reply: time, amount held
-- Time: Redis TIME. Complexity: O(1)
local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local values = redis.call('HMGET', KEYS[1], 'tat', 'reserved', 'open')
local tat = math.max(tonumber(values[1]) or 0, now_us) + 1
local reserved = (tonumber(values[2]) or 0) + ARGV[1]
local open = (tonumber(values[3]) or 0) + 1
redis.call('HSET', KEYS[1], 'tat', tat, 'reserved', reserved, 'open', open)
return {now_us, reserved}
