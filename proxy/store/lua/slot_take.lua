-- Take or renew a slot of a provider account; a first taking also spends a token of its submit bucket.
-- KEYS: 1 slots 2 submit bucket
-- ARGV: 1 attempt id 2 slots in all 3 lease (ms) 4 interval (us; 0: no bucket) 5 span (us)
-- Reply: 1 if taken, us to wait for a token, 1 if it was not held before
-- Time: Redis TIME. Complexity: O(log slots)
-- include: clock
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now_ms)
local is_new = not redis.call('ZSCORE', KEYS[1], ARGV[1])
if is_new then
  if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return {0, 0, 0} end
  local interval, span = tonumber(ARGV[4]), tonumber(ARGV[5])
  if interval > 0 then
    local stored = math.min(tonumber(redis.call('GET', KEYS[2])) or 0, now_us + span)
    local following = math.max(stored, now_us) + interval
    if following - now_us > span then return {0, following - now_us - span, 0} end
    redis.call('SET', KEYS[2], following, 'PX', math.ceil((following - now_us) / 1000))
  end
end
redis.call('ZADD', KEYS[1], now_ms + ARGV[3], ARGV[1])
return {1, 0, is_new and 1 or 0}
