-- Take or renew a slot of a provider account; a first taking also spends a token of its submit bucket, and must
-- pass the circuit breakers of its doors. One that is due lets a single attempt pass: its probe, for the lease.
-- KEYS: 1 slots 2 submit bucket 3 breakers
-- ARGV: 1 attempt id 2 slots in all 3 lease (ms) 4 interval (us; 0: no bucket) 5 span (us)
--   6 how: take, panic (what is shut is open), renew (without asking at the doors) 7 the configuration's digest,
--   from 8 on the doors
-- Reply: 1 if taken, us to wait for a token or a rest, 1 if it was not held before, then a word: why it was not
--   taken (full, no_token, shut, resting, gone), or the doors that it probes, by blanks
-- Time: Redis TIME. Complexity: O(log slots + doors)
-- include: clock
-- include: breaker
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now_ms)
local is_new = not redis.call('ZSCORE', KEYS[1], ARGV[1])
local lease_until, probed, names = now_ms + ARGV[3], {}, {}
for at = 8, #ARGV do
  local b = read_breaker(redis.call('HGET', KEYS[3], ARGV[at]))
  if not is_new or ARGV[6] == 'renew' then
    if b.probe == ARGV[1] then
      probed[ARGV[at]], names[#names + 1] = b, ARGV[at]
    end
  elseif b.gone_in == ARGV[7] then
    return {0, 0, 0, 'gone'}
  elseif b.rests > now_ms then
    return {0, (b.rests - now_ms) * 1000, 0, 'resting'}
  elseif b.state ~= 'c' then
    if now_ms >= b.til or (b.state == 'h' and b.probe == '-') then
      change_state(b, 'h')
      b.probe = ARGV[1]
      probed[ARGV[at]], names[#names + 1] = b, ARGV[at]
    elseif ARGV[6] ~= 'panic' then
      return {0, (b.til - now_ms) * 1000, 0, 'shut'}
    end
  end
end
if is_new then
  if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return {0, 0, 0, 'full'} end
  local interval, span = tonumber(ARGV[4]), tonumber(ARGV[5])
  if interval > 0 then
    local stored = math.min(tonumber(redis.call('GET', KEYS[2])) or 0, now_us + span)
    local following = math.max(stored, now_us) + interval
    if following - now_us > span then return {0, following - now_us - span, 0, 'no_token'} end
    redis.call('SET', KEYS[2], following, 'PX', math.ceil((following - now_us) / 1000))
  end
end
for name, b in pairs(probed) do
  b.til = lease_until
  redis.call('HSET', KEYS[3], name, breaker_text(b))
end
redis.call('ZADD', KEYS[1], lease_until, ARGV[1])
return {1, 0, is_new and 1 or 0, table.concat(names, ' ')}
