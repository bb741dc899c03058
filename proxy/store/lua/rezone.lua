-- Note the new time zone of an open account.
-- KEYS: 1 registry
-- ARGV: 1 account 2 record
-- Reply: 1, or 0 when it is not open
-- Time: none. Complexity: O(1)
local known = redis.call('HGET', KEYS[1], ARGV[1])
if not known or string.sub(known, 1, 2) ~= 'o|' then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. string.match(known, '^[^|]*|[^|]*|[^|]*|[^|]*(.*)$'))
return 1
