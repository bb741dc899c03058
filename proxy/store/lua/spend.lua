-- Spend a token of each bucket, or of none; if they were given (or would be), read a job.
-- KEYS: 1 team 2 job (or none)
-- ARGV: 1 whether to spend: 1, or 0 when sent again, so that a lost reply costs one token at most
--   2 buckets (count) 3 API key, then the buckets' fields, then interval and span (us) of each (as in gcra.lua)
-- Reply: now (us), 1 if allowed, -1 if the key is revoked, 1 if spent, the job's fields, the time (us) of each bucket
--   (0 or below: nothing was spent of that one)
-- Time: Redis TIME. Complexity: O(buckets)
-- include: clock
-- include: gcra
-- include: flags
local count = tonumber(ARGV[2])
local values = redis.call('HMGET', KEYS[1], 'z', unpack(ARGV, 4, 3 + count))
local next_us, stored_us = weigh_buckets(values, 2, count, 4 + count)
if is_flagged(values[1], 'revoked:' .. ARGV[3]) then return {now_us, -1, 0, {}, unpack(stored_us)} end
if not next_us then return {now_us, 0, 0, {}, unpack(stored_us)} end
local fields = KEYS[2] and redis.call('HGETALL', KEYS[2]) or {}
if ARGV[1] ~= '1' or count == 0 then return {now_us, 1, 0, fields, unpack(stored_us)} end
local kept = {}
keep_buckets(kept, next_us, count, 4)
if #kept > 0 then redis.call('HSET', KEYS[1], unpack(kept)) end
return {now_us, 1, 1, fields, unpack(next_us)}
