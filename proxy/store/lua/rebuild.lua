-- Set balances of a team or of the organisation to what the ledger holds for them, and its live overrides, unless
-- the ledger moved on since it was read.
-- KEYS: 1 ledger 2 team, or organisation 3 teams
-- ARGV: 1 last entry read ("-": none) 2 team id ('' for the organisation) 3 live overrides ('' for none)
--   then name and value of each field of a balance, from 4 on
-- Reply: 1, or 0 and nothing was changed
-- Time: none. Complexity: O(fields)
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if (last and last[1] or '-') ~= ARGV[1] then return 0 end
for at = 4, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 1]) end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[2], 'v')
else
  redis.call('HSET', KEYS[2], 'v', ARGV[3])
end
if ARGV[2] ~= '' then redis.call('SADD', KEYS[3], ARGV[2]) end
return 1
