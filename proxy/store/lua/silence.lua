-- Note that a receiver wants nothing more while a configuration is in force; those of others are forgotten.
-- KEYS: 1 lines: the configuration, then receivers
-- ARGV: 1 configuration 2 receiver
-- Reply: 1
-- Time: none. Complexity: O(receivers)
local text = redis.call('GET', KEYS[1]) or ''
if string.match(text, '^[^\n]*') ~= ARGV[1] then text = ARGV[1] end
if not string.find(text .. '\n', '\n' .. ARGV[2] .. '\n', 1, true) then
  redis.call('SET', KEYS[1], text .. '\n' .. ARGV[2])
end
return 1
