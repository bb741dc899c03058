-- Put routing decisions on record, and forget the oldest.
-- KEYS: 1 decisions 2 guard of this operation
-- ARGV: 1 how many are kept, about 2 life of the guard (ms), from 3 on the decision of each entry
-- Reply: how many were added; 0 when this was done before
-- Time: none. Complexity: O(decisions)
if not redis.call('SET', KEYS[2], '1', 'NX', 'PX', ARGV[2]) then return 0 end
for at = 3, #ARGV do
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'd', ARGV[at])
end
return #ARGV - 2
