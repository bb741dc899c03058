-- Say how far the ledger's files go, if the store knows less of them.
-- KEYS: 1 trimmed
-- ARGV: 1 id of the last entry in the files
-- Reply: id up to which entries are read from files
-- Time: none. Complexity: O(1)
-- include: id_order
local trimmed = redis.call('GET', KEYS[1])
if trimmed and not is_after(ARGV[1], trimmed) then return trimmed end
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]
