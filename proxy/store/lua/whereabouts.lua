-- Where one job stands: its state and current attempt, and how many queues it is in. To stand in a line alone that
-- `lines` does not know is to stand nowhere: nobody would look there.
-- KEYS: 1 job 2 due 3 line 4 lines
-- ARGV: 1 job id
-- Reply: state, attempt number (none when the record is gone), queues
-- Time: none. Complexity: O(1)
local state, number = unpack(redis.call('HMGET', KEYS[1], 's', 'n'))
local in_due, in_line = redis.call('ZSCORE', KEYS[2], ARGV[1]), redis.call('ZSCORE', KEYS[3], ARGV[1])
if not in_due and redis.call('HEXISTS', KEYS[4], KEYS[3]) == 0 then in_line = false end
return {state, number, (in_due and 1 or 0) + (in_line and 1 or 0)}
