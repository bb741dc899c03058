-- Put a value into a field of a hash in the place of another, which it must still hold.
-- KEYS: 1 hash
-- ARGV: 1 field 2 value that it holds ('' for none) 3 value to put there, unlike all before it
-- Reply: 1 if the new value stands there, else 0
-- Time: none. Complexity: O(1)
local held = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if held == ARGV[3] then return 1 end
if held ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
