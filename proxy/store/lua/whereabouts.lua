-- Where one job stands: its state and current attempt, and how many queues it is in.
-- KEYS: 1 job 2 due 3 waiting
-- ARGV: 1 job id
-- Reply: state, attempt number (none when the record is gone), queues
-- Time: none. Complexity: O(1)
local state, number = unpack(redis.call('HMGET', KEYS[1], 's', 'n'))
local queues = 0
for at = 2, 3 do
  if redis.call('ZSCORE', KEYS[at], ARGV[1]) then queues = queues + 1 end
end
return {state, number, queues}
