-- Where one job stands: its state and current attempt, and how many queues it is in.
-- KEYS: 1 job 2 due 3 waiting
-- ARGV: 1 job id
-- Reply: state, attempt number (none when the record is gone), queues
-- Time: none. Complexity: O(1)
local state, number = unpack(redis.call('HMGET', KEYS[1], 's', 'n'))
local queues = (redis.call('ZSCORE', KEYS[2], ARGV[1]) and 1 or 0) + (redis.call('ZSCORE', KEYS[3], ARGV[1]) and 1 or 0)
return {state, number, queues}
