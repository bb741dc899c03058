-- Note on the record of an unfinished job how its current attempt ended, which the ledger knew before the record
-- did: no entry is made. The job can be ended then.
-- KEYS: 1 job
-- ARGV: 1 fence 2 attempt number 3 resolution
-- Reply: 1 if it stands there, 0 if the job moved on
-- Time: none. Complexity: O(1)
local fence, number, known = unpack(redis.call('HMGET', KEYS[1], 'f', 'n', 'r' .. ARGV[2]))
if known then return known == ARGV[3] and 1 or 0 end
if fence ~= ARGV[1] or number ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'r' .. ARGV[2], ARGV[3])
return 1
