-- Note the new time zone of an open account, unless it has another by now or was opened again.
-- KEYS: 1 registry
-- ARGV: 1 account 2 how its record begins, up to the operation that opened it 3 its time zones
-- Reply: 1, or 0 when it is another
-- Time: none. Complexity: O(1)
local known = redis.call('HGET', KEYS[1], ARGV[1])
if not known or string.sub(known, 1, #ARGV[2]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], 'o|' .. ARGV[3] .. string.match(known, '^%a|[^|]*|[^|]*|%d*(|.*)$'))
return 1
