-- Read every balance at one instant, and the last entry of the ledger before it.
-- KEYS: 1 ledger 2 teams 3 organisation, then the hash of each team
-- ARGV: 1 how many teams there were: more than that, and only their number is told
-- Reply: teams, id of the last entry (or none), then fields and values of the organisation and of each team
-- Time: none. Complexity: O(fields of all hashes)
local count = redis.call('SCARD', KEYS[2])
if count ~= tonumber(ARGV[1]) then return {count} end
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local reply = {count, last and last[1] or ''}
for at = 3, #KEYS do reply[at] = redis.call('HGETALL', KEYS[at]) end
return reply
