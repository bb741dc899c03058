-- Resolve the current attempt, then reserve the first bid that fits and queue the job again. If none fits or
-- a cancel was requested, end it. A full `deny` budget acts as `next` here: the job was accepted.
-- KEYS: 1 job 2 due 3 line 4 running 5 team 6 organisation 7 ledger 8 job list 9 lines 10 deadlines 11 outbox, from 12
--   on letters and boxes as in announce.lua; last the lines of the providers that are bid for
-- ARGV: 1 to 13 as in finish.lua, 14 wait before the next dispatch (ms)
--   15 team's balances 16 organisation's balances 17 bids (all counts)
--   18 start of the latest period 19 end of the earliest (ms) 20 the job's facts
--   21 1 if nothing is to be done when none fits 22 whom to tell if it ends, for announce.lua
--   then the names of the fields: spent and reserved of each balance (the team's first);
--   then limits, bids and groups as in bids.lua; last the deadline (ms)
-- Reply: ok and the job's head, lost, over (it had ended before), stays (21), or moved and now (ms): a period is
--   stale; in all but the first nothing was done
-- Time: Redis TIME. Complexity: O(log jobs + balances x bids)
-- include: clock
local ledger_key = KEYS[7]
-- include: ledger
-- include: fenced
-- include: resolve
-- include: line
-- include: end_job
-- include: flags
-- include: bids
-- include: announce
local team_fields, org_fields, bids = 2 * ARGV[15], 2 * ARGV[16], tonumber(ARGV[17])
local fields = 23
local limits = fields + team_fields + org_fields
local is_cancelled = string.find(flags, 'c', 1, true)
local may_go_on = bids > 0 and not is_cancelled
local outcome = is_cancelled and 'cancelled' or ARGV[13]

if is_over then return {'over'} end
if may_go_on and (now_ms < tonumber(ARGV[18]) or now_ms >= tonumber(ARGV[19])) then return {'moved', now_ms} end

local values = {}
local function read(key, from, count)
  local found = redis.call('HMGET', key, 'z', 'v', unpack(ARGV, from, from + count - 1))
  for i = 1, count do values[from - fields + i] = found[i + 2] end
  return found[1], found[2]
end
-- Count the balances as they will be once the current attempt is resolved.
local function resolve_values()
  local reservation, resolution = unpack(redis.call('HMGET', KEYS[1], 'a' .. ARGV[3], 'r' .. ARGV[3]))
  if resolution then return end
  local amount, balances = string.match(reservation, '^%d+|(%d+)|%d+|(.*)$')
  for line in string.gmatch(balances, '[^\n]+') do
    local is_team, name = string.sub(line, 1, 1) == 'T', string.sub(line, 2)
    for i = 1, team_fields + org_fields, 2 do
      if ARGV[fields + i] == name .. '|r' and (i <= team_fields) == is_team then
        values[i] = (tonumber(values[i]) or 0) + ARGV[10]
        values[i + 1] = (tonumber(values[i + 1]) or 0) - amount
      end
    end
  end
end
local candidate, quote, members, names, facts, passed, line = nil, nil, nil, nil, nil, nil, nil
if may_go_on then
  -- A frozen team's job goes on as far as the queue, and is held there.
  local _, team_overrides = read(KEYS[5], fields, team_fields)
  local shared, overrides = read(KEYS[6], fields + team_fields, org_fields)
  local lifts = lifted(team_overrides, overrides, fields, tonumber(ARGV[15]), ARGV[15] + ARGV[16])
  local bids_at = limits + ARGV[15] + ARGV[16]
  resolve_values()
  candidate, quote, members, names, facts, passed, line = choose_bid(values, 1, limits, bids_at, bids,
    bids_at + bids, false, shared, lifts)
end
if not candidate and ARGV[21] == '1' and not is_cancelled then return {'stays'} end
redis.call('HSET', KEYS[1], 'o' .. ARGV[3], ARGV[7])
resolve(ARGV[4], ARGV[3], ARGV[9], ARGV[10], ARGV[11], ARGV[12], outcome)
if not candidate then
  end_job(ARGV[4], ARGV[5], ARGV[6], ARGV[8])
  if not is_cancelled then announce(11, ARGV[22]) end
  return report('ok')
end

for name in string.gmatch(names, '[^\n]+') do
  local owner = string.sub(name, 1, 1) == 'T' and KEYS[5] or KEYS[6]
  redis.call('HINCRBY', owner, string.sub(name, 2) .. '|r', quote)
end
local number = ARGV[3] + 1
redis.call('HSET', KEYS[1], 's', 'q', 'n', number, 'l', op, 'a' .. number,
  reservation_text(candidate, quote, names))
redis.call('HDEL', KEYS[1], 'w', 'p', 'h')
dequeue(KEYS[3], KEYS[9], KEYS[10], ARGV[4])
enqueue(line, KEYS[9], KEYS[10], ARGV[4], now_ms + ARGV[14], ARGV[#ARGV])
redis.call('ZREM', KEYS[2], ARGV[4])
redis.call('SREM', KEYS[4], ARGV[4])
post('reserve', op, ARGV[4] .. '-' .. number, quote, '0', names, ARGV[20] .. '\n' .. facts)
return report('ok')
