-- Give back a slot under which nothing was submitted, and the token of the submit bucket that it had cost. If the
-- attempt was to be a breaker's probe, the next one is.
-- KEYS: 1 slots 2 submit bucket 3 breakers
-- ARGV: 1 attempt id 2 interval (us; 0: no bucket), from 3 on the doors
-- Reply: 1, or 0 when it was not held: then nothing is given back
-- Time: Redis TIME. Complexity: O(log slots + doors)
-- include: clock
-- include: breaker
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 0 end
for at = 3, #ARGV do
  local b = read_breaker(redis.call('HGET', KEYS[3], ARGV[at]))
  if b.probe == ARGV[1] then
    b.probe = '-'
    redis.call('HSET', KEYS[3], ARGV[at], breaker_text(b))
  end
end
local stored = redis.call('GET', KEYS[2])
if ARGV[2] == '0' or not stored then return 1 end
local left_us = stored - ARGV[2] - now_us
if left_us <= 0 then
  redis.call('DEL', KEYS[2])
else
  redis.call('SET', KEYS[2], string.format('%.0f', stored - ARGV[2]), 'PX', math.ceil(left_us / 1000))
end
return 1
