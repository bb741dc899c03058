-- Who stands in some lines and may be dispatched now, and what decides whose turn it is.
-- KEYS: 1 organisation 2 turns, then three for each line: the line, its team's running jobs, its team
-- ARGV: from 1 on, two for each line: its provider, and how many of its jobs at most
-- Reply: the organisation's flags; then of each line: its first jobs, each with since when (ms) it may be dispatched,
--   how many of its team's jobs run, the team's flags, and its virtual time, never behind its provider's
-- Time: Redis TIME. Complexity: O(lines x (log jobs + jobs asked for))
-- include: clock
local reply = {redis.call('HGET', KEYS[1], 'z') or ''}
for at = 3, #KEYS, 3 do
  local own = 2 * at / 3 - 1
  local jobs = redis.call('ZRANGEBYSCORE', KEYS[at], '-inf', now_us / 1000, 'WITHSCORES', 'LIMIT', 0, ARGV[own + 1])
  local state = {jobs, 0, '', 0}
  if #jobs > 0 then
    local of_provider, of_line = unpack(redis.call('HMGET', KEYS[2], ARGV[own], KEYS[at]))
    state[2] = redis.call('SCARD', KEYS[at + 1])
    state[3] = redis.call('HGET', KEYS[at + 2], 'z') or ''
    state[4] = math.max(tonumber(of_provider) or 0, tonumber(of_line) or 0)
  end
  reply[#reply + 1] = state
end
return reply
