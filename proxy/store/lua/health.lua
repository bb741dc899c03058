-- Let an account's circuit breakers hear what became of calls, once, and read them all. Without outcomes it reads.
-- KEYS: 1 breakers 2 first result
-- ARGV: 1 failures 2 ratio (percent) 3 ratio of at least 4 window 5 open at least 6 open at most (ms)
--   7 jitter (permille), then six of each outcome: breaker, mark, begun (ms), attempt, detail, how often
-- Reply: now (ms), one line `breaker before after` for each state that changed (after: `gone` if the model went),
--   and pairs of breaker, text
-- Time: Redis TIME. Complexity: O(breakers + outcomes)
-- include: clock
-- include: breaker
-- include: heard
local rules = {
  failures = tonumber(ARGV[1]), ratio = tonumber(ARGV[2]), at_least = tonumber(ARGV[3]),
  window = tonumber(ARGV[4]), open_min = tonumber(ARGV[5]), open_max = tonumber(ARGV[6]),
  jitter = tonumber(ARGV[7]),
}
local moved = #ARGV == 7 and '' or redis.call('GET', KEYS[2])
if not moved then
  local lines = {}
  for at = 8, #ARGV, 6 do
    local name, mark, begun, attempt, detail = unpack(ARGV, at, at + 4)
    local b = read_breaker(redis.call('HGET', KEYS[1], name))
    local state, gone_in = b.state, b.gone_in
    for _ = 1, tonumber(ARGV[at + 5]) do hear(b, mark, tonumber(begun), attempt, detail, rules) end
    if b.state ~= state then lines[#lines + 1] = table.concat({name, state, b.state}, ' ') end
    if b.gone_in ~= gone_in then lines[#lines + 1] = name .. ' ' .. state .. ' gone' end
    local text = breaker_text(b)
    if text ~= NOTHING then redis.call('HSET', KEYS[1], name, text) end
  end
  moved = table.concat(lines, '\n')
  redis.call('SET', KEYS[2], moved, 'PX', 60000)
end
return {now_ms, moved, redis.call('HGETALL', KEYS[1])}
