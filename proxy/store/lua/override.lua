-- Let a balance be used beyond its limit until an instant, or end that at once. Live overrides are the lines
-- `id micro-USD until_ms balance` of field `v`; those that ended leave it whenever it is written.
-- KEYS: 1 first result 2 audit 3 ledger 4 team, or organisation 5 teams
-- ARGV: 1 operation id 2 actor 3 role 4 reason 5 action 6 target (the balance, or the override's id to end)
--   7 id of the override 8 team id ('' for the organisation) 9 facts, up to the reason
--   10 overrides at most 11 owner (T or O), then of a new one: 12 balance 13 micro-USD 14 until (ms)
-- Reply: ok, unknown, expired or too_many; id of the entry, micro-USD added, micro-USD that live for the balance
-- Time: Redis TIME. Complexity: O(overrides)
-- include: clock
-- include: change
local ledger_key = KEYS[3]
-- include: ledger
local kept, ended, balance, amount, until_ms = {}, nil, ARGV[12], ARGV[13], ARGV[14]
for line in string.gmatch(redis.call('HGET', KEYS[4], 'v') or '', '[^\n]+') do
  local id, ends = string.match(line, '^(%S+) %-?%d+ (%d+) ')
  if tonumber(ends) > now_ms then
    if not balance and id == ARGV[7] then ended = line else kept[#kept + 1] = line end
  end
end
if balance then
  if tonumber(until_ms) <= now_ms then return refused('expired') end
  if #kept >= tonumber(ARGV[10]) then return refused('too_many') end
elseif not ended then
  return refused('unknown')
else
  amount, until_ms, balance = string.match(ended, '^%S+ (%d+) (%d+) (.*)$')
  amount = '-' .. amount
end
local live = 0
for _, line in ipairs(kept) do
  local micro_usd, name = string.match(line, '^%S+ (%d+) %d+ (.*)$')
  if name == balance then live = live + micro_usd end
end
local before = live
if ended then
  before = live - amount
else
  kept[#kept + 1] = table.concat({ARGV[7], amount, until_ms, balance}, ' ')
  live = live + amount
end
if #kept > 0 then
  redis.call('HSET', KEYS[4], 'v', table.concat(kept, '\n'))
else
  redis.call('HDEL', KEYS[4], 'v')
end
if ARGV[8] ~= '' then redis.call('SADD', KEYS[5], ARGV[8]) end
local facts = table.concat({ARGV[9], amount, until_ms}, '\n')
local entry = post('override', ARGV[1], '', '0', '0', ARGV[11] .. balance, facts)
local function whole(number) return string.format('%.0f', number) end
return done(entry, amount, whole(live), whole(before), whole(live))
