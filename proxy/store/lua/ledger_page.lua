-- Read entries of the ledger after an id, and how far the stream is cut, at one moment.
-- KEYS: 1 ledger 2 trimmed
-- ARGV: 1 id before the first ("-": from the beginning) 2 entries at most
-- Reply: id of the last entry that is only in files ('' for none), entries
-- Time: none. Complexity: O(entries)
local from = ARGV[1] == '-' and '-' or '(' .. ARGV[1]
return {redis.call('GET', KEYS[2]) or '',
  redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', ARGV[2])}
