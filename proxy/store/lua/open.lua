-- Open an account: bring its balance to what the ledger holds for it, and the attempts that are still open
-- under it. Nothing is done if the ledger moved on meanwhile in a way that concerns it, or the account did.
-- KEYS: 1 registry 2 team or organisation 3 ledger, then the job of each open attempt, from 4 on
-- ARGV: 1 operation id 2 account 3 its time zones 4 balance's short name 5 owner's letter 6 team ("": all)
--   7 spent (micro-USD) 8 last entry read ("-": none) 9 start and 10 end of the period (ms) 11 facts
--   12 operation that opened it before (or none), then number and micro-USD of each open attempt, from 13 on
-- Reply: now, before (it was open already) or stale
-- Time: Redis TIME. Complexity: O(open attempts + entries since it was read)
-- include: clock
local ledger_key = KEYS[3]
-- include: ledger
local known = redis.call('HGET', KEYS[1], ARGV[2]) or ''
local state, opened_by = string.match(known, '^(%a)|[^|]*|[^|]*|%d*|([^|]*)')
if opened_by == ARGV[1] then return 'now' end
if state == 'o' then return 'before' end
if (opened_by or '') ~= ARGV[12] then return 'stale' end
if now_ms < tonumber(ARGV[9]) or now_ms >= tonumber(ARGV[10]) then return 'stale' end

-- What moves holds or charges of this owner, other than resolving the attempts listed here.
local CONCERNS = {reserve = true, adjust = true, write_off = true, unattributed = true}
local TAIL = 1000
local tail = redis.call('XRANGE', KEYS[3], ARGV[8] == '-' and '-' or '(' .. ARGV[8], '+', 'COUNT', TAIL)
if #tail == TAIL then return 'stale' end
for _, entry in ipairs(tail) do
  local fields = entry[2]
  if CONCERNS[fields[2]] then
    local team = string.match(fields[14], '^[^\n]*')
    if ARGV[6] == '' or team == ARGV[6] then return 'stale' end
  end
end

local name = ARGV[5] .. ARGV[4]
local spent, held = tonumber(ARGV[7]), 0
local reservations, resolutions = {}, {}
for i = 4, #KEYS do
  local number = ARGV[13 + 2 * (i - 4)]
  reservations[i], resolutions[i] = unpack(redis.call('HMGET', KEYS[i], 'a' .. number, 'r' .. number))
  if not reservations[i] then return 'stale' end
end
for i = 4, #KEYS do
  local number, amount = ARGV[13 + 2 * (i - 4)], tonumber(ARGV[14 + 2 * (i - 4)])
  if resolutions[i] then
    spent = spent + string.match(resolutions[i], '^%a|(%d+)|')
  else
    held = held + amount
    local _, _, _, names = string.match(reservations[i], '^(%d+)|(%d+)|(%d+)|(.*)$')
    if not string.find('\n' .. names .. '\n', '\n' .. name .. '\n', 1, true) then
      local added = names == '' and name or '\n' .. name
      redis.call('HSET', KEYS[i], 'a' .. number, reservations[i] .. added)
    end
  end
end
local had = redis.call('HMGET', KEYS[2], ARGV[4] .. '|s', ARGV[4] .. '|r')
local more_spent, more_held = spent - (tonumber(had[1]) or 0), held - (tonumber(had[2]) or 0)
if more_spent ~= 0 or more_held ~= 0 then
  redis.call('HINCRBY', KEYS[2], ARGV[4] .. '|s', string.format('%.0f', more_spent))
  redis.call('HINCRBY', KEYS[2], ARGV[4] .. '|r', string.format('%.0f', more_held))
  post('open', ARGV[1], '', string.format('%.0f', more_held), string.format('%.0f', more_spent),
    name, ARGV[11])
end
local period = string.match(ARGV[4], '([^|]*)$')
redis.call('HSET', KEYS[1], '#', ARGV[1],
  ARGV[2], table.concat({'o', ARGV[3], ARGV[1], period, ARGV[9], ARGV[8]}, '|'))
return 'now'
