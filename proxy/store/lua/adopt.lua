-- Say how far the ledger's files go, if the store knows less of them; what stands in them leaves the ledger.
-- KEYS: 1 ledger 2 trimmed
-- ARGV: 1 id of the last entry in the files
-- Reply: id up to which entries are read from files
-- Time: none. Complexity: O(entries cut)
-- include: id_order
local trimmed = redis.call('GET', KEYS[2])
if trimmed and not is_after(ARGV[1], trimmed) then return trimmed end
-- include: cut
redis.call('SET', KEYS[2], ARGV[1])
return ARGV[1]
