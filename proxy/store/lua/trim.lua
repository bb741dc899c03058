-- Cut entries that stand in a file off the ledger, unless something was written after the file was.
-- KEYS: 1 ledger 2 trimmed
-- ARGV: 1 id of the file's last entry 2 end of the file's day (ms)
-- Reply: 1, or 0 and nothing was cut
-- Time: none. Complexity: O(entries cut)
-- include: id_order
local last = redis.call('XREVRANGE', KEYS[1], '(' .. ARGV[2] .. '-0', '-', 'COUNT', 1)[1]
if last and is_after(last[1], ARGV[1]) then return 0 end
-- include: cut
local trimmed = redis.call('GET', KEYS[2])
if not trimmed or is_after(ARGV[1], trimmed) then redis.call('SET', KEYS[2], ARGV[1]) end
return 1
