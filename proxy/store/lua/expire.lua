-- Remove the record of a job that ended before an instant, and its place in its team's list; of one that is gone
-- only the place is left.
-- KEYS: 1 job 2 job list
-- ARGV: 1 job id 2 ended before (ms)
-- Reply: 1 when it is gone now, else 0
-- Time: none. Complexity: O(log jobs of the team)
local state, ended_ms = unpack(redis.call('HMGET', KEYS[1], 's', 't'))
if state and (not ended_ms or tonumber(ended_ms) >= tonumber(ARGV[2])) then return 0 end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return 1
