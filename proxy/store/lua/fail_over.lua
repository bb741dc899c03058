-- Resolve the current attempt, then reserve the first bid that fits and queue the job again. If none fits or
-- a cancel was requested, end it. A full `deny` budget acts as `next` here: the job was accepted.
-- KEYS: 1 job 2 due 3 waiting 4 running 5 team 6 organisation 7 ledger 8 job list
-- ARGV: 1 to 13 as in finish.lua, 14 wait before the next dispatch (ms)
--   15 team fields 16 organisation fields 17 balances 18 bids (all counts), then the names of the fields
--   (spent and reserved of each balance, the team's first), then each balance and each bid as in bids.lua
-- Reply: ok and the job's head, lost, or moved and now (ms): a period is stale and nothing was done
-- Time: Redis TIME. Complexity: O(log jobs + balances x bids)
-- include: clock
local ledger_key = KEYS[7]
-- include: ledger
-- include: fenced
-- include: resolve
-- include: end_job
-- include: bids
local team_fields, org_fields = tonumber(ARGV[15]), tonumber(ARGV[16])
local balances, bids = tonumber(ARGV[17]), tonumber(ARGV[18])
local fields = 19
local balances_at = fields + team_fields + org_fields
local may_go_on = bids > 0 and not string.find(flags, 'c', 1, true)

if is_over then return report('ok') end
if may_go_on and is_stale(balances_at, balances) then return {'moved', now_ms} end
redis.call('HSET', KEYS[1], 'o' .. ARGV[3], ARGV[7])
resolve(ARGV[4], ARGV[3], ARGV[10], ARGV[11], ARGV[12], ARGV[13])

local values = {}
local function read(key, from, count)
  if count == 0 then return end
  for i, value in ipairs(redis.call('HMGET', key, unpack(ARGV, from, from + count - 1))) do
    values[from - fields + i] = value
  end
end
local bid = nil
if may_go_on then
  read(KEYS[5], fields, team_fields)
  read(KEYS[6], fields + team_fields, org_fields)
  bid = choose_bid(values, 1, balances_at, balances_at + 4 * balances, bids, false)
end
if not bid then
  end_job(ARGV[4], ARGV[5], ARGV[6], ARGV[8], ARGV[9])
  return report('ok')
end

local names = {}
for i = bid + 4, bid + 3 + ARGV[bid + 3] do
  local place = 2 * tonumber(ARGV[i]) + 1
  local is_team = place < team_fields
  local field = ARGV[fields + place]
  redis.call('HINCRBY', is_team and KEYS[5] or KEYS[6], field, ARGV[bid + 1])
  names[#names + 1] = (is_team and 'T' or 'O') .. string.sub(field, 1, -3)
end
local number = ARGV[3] + 1
redis.call('HSET', KEYS[1], 's', 'q', 'n', number, 'l', op, 'a' .. number,
  reservation_text(bid, names))
redis.call('HDEL', KEYS[1], 'w')
redis.call('ZADD', KEYS[3], now_ms + ARGV[14], ARGV[4])
redis.call('ZREM', KEYS[2], ARGV[4])
redis.call('SREM', KEYS[4], ARGV[4])
post('reserve', op, ARGV[4] .. '-' .. number, ARGV[bid + 1], 0, table.concat(names, '\n'),
  ARGV[bid + 2])
return report('ok')
