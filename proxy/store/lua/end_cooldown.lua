-- Forget a key's refusals of content, and with them its cool-down.
-- KEYS: 1 first result 2 audit 3 team
-- ARGV: 1 operation id 2 actor 3 role 4 reason 5 action 6 target 7 field of the key's record
-- Reply: ok or conflict, '', 1 if there was something to forget, 0
-- Time: none. Complexity: O(1)
-- include: change
local known = redis.call('HGET', KEYS[3], ARGV[7])
redis.call('HDEL', KEYS[3], ARGV[7])
return done('', known and '1' or '0', '0', known and string.match(known, '^%d+') or '0', '0')
