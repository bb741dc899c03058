-- Admit one job: replay checks, token buckets, open jobs, budgets, then write everything, or nothing.
-- KEYS: 1 job 2 team 3 organisation 4 job list 5 lines 6 ledger 7 tries 8 teams 9 idempotency (the tries again:
--   none) 10 deadlines, from 11 on the line of each provider
-- ARGV: 1 job id (also the operation id) 2 packed job 3 created (ms) 4 open jobs at most 5 try number
--   6 fingerprint 7 team id 8 buckets 9 team's balances 10 organisation's balances 11 bids (all counts)
--   12 start of the latest period 13 end of the earliest, or of our patience (ms)
--   14 when to come back after too many open jobs (s) 15 the job's facts
--   16 field of the key's record of refusals ('': none) 17 1 if a cool-down only watches
--   then the names of the fields: "open", each bucket, spent and reserved of each balance (the team's first);
--   then interval and span (us) of each bucket as in gcra.lua; then limits, bids and groups as in bids.lua;
--   last the deadline (ms)
-- Reply: code, now (us), five values, the time (us) of each bucket (0 or below: nothing was spent of it).
--   A accepted (candidate, micro-USD, ms, soft budgets it passed, ms left of a cool-down that only watches),
--   D this operation was done before (fields of the job), R replay (job id), K key conflict, L bucket empty,
--   O open jobs, M cool-down (ms left), B over budget (balance, quote, spent, reserved, lifted by overrides),
--   P period moved, or too late, X key revoked, F frozen (team, all, or every provider: provider)
-- Time: Redis TIME. Complexity: O(log jobs of the team + balances x bids)
-- include: clock
-- include: gcra
-- include: flags
-- include: cooling
-- include: bids
-- include: line
local ledger_key, call = KEYS[6], redis.call
local idempotency = KEYS[9] ~= KEYS[7] and KEYS[9]
-- include: ledger
local function tries()
  -- include: tries
  return recall, keep_records, add_record, drop_refusals, earlier_job
end
local job, buckets, of_team, of_org = ARGV[1], tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local fields = 18
local team_fields, org_fields = 1 + buckets + 2 * of_team, 2 * of_org
local buckets_at = fields + team_fields + org_fields
local limits = buckets_at + 2 * buckets
-- Flags, overrides, the key's record, then the fields by name; the organisation's follow the team's.
local values = call('HMGET', KEYS[2], 'z', 'v', ARGV[16], unpack(ARGV, fields, fields + team_fields - 1))
local next_us, stored_us = weigh_buckets(values, 5, buckets, buckets_at)
local function answer(code, a, b, c, d, e, times)
  return {code, now_us, a or 0, b or 0, c or 0, d or 0, e or 0, unpack(times or stored_us)}
end

-- Replays: they spend nothing.
if call('EXISTS', KEYS[1]) == 1 then return answer('D', call('HGETALL', KEYS[1])) end
if values[1] and is_flagged(values[1], 'revoked:' .. string.match(ARGV[15], '\n([^\n]*)')) then return answer('X') end
local records = nil
if idempotency then
  local bound = call('GET', idempotency)
  if bound then
    local fingerprint, earlier = string.match(bound, '^(.-)|(.*)$')
    if fingerprint == ARGV[6] then return answer('R', earlier) end
    return answer('K')
  end
elseif ARGV[5] ~= '0' then
  local recall, keep_records, _, _, earlier_job = tries()
  records = recall(call('GET', KEYS[7]))
  local earlier = earlier_job(records, job, tonumber(ARGV[5]))
  if earlier then
    keep_records(KEYS[7], records)
    return answer('R', earlier)
  end
end
if now_ms < tonumber(ARGV[12]) or now_ms >= tonumber(ARGV[13]) then return answer('P') end

-- Refusals: one that the SDK retries is remembered, so that its next try is a new create.
local function refuse(retry_after_s, ...)
  local recall, keep_records, add_record, drop_refusals = tries()
  if retry_after_s and retry_after_s <= 120 and not idempotency then
    records = records or recall(call('GET', KEYS[7]))
    drop_refusals(records, job)
    add_record(records, 'x', job, ARGV[5], (retry_after_s + 30) * 1000)
  end
  if records then keep_records(KEYS[7], records) end
  return answer(...)
end
local first = fields + team_fields
local more = call('HMGET', KEYS[3], 'z', 'v', unpack(ARGV, first, first + org_fields - 1))
if is_flagged(values[1], 'freeze') then return refuse(nil, 'F', 'team') end
if is_flagged(more[1], 'freeze') then return refuse(nil, 'F', 'all') end
local pause_ms = cooling_ms(values[3])
if pause_ms > 0 and ARGV[17] ~= '1' then return refuse(math.ceil(pause_ms / 1000), 'M', pause_ms) end
if not next_us then
  return refuse(math.ceil(wait_for_buckets(stored_us, buckets, buckets_at) / 1000000), 'L')
end
local open = tonumber(values[4]) or 0
if open >= tonumber(ARGV[4]) then return refuse(tonumber(ARGV[14]), 'O', open) end
for i = 1, org_fields do values[team_fields + 3 + i] = more[i + 2] end
local v, bids_at = 5 + buckets, limits + of_team + of_org
local lifts = lifted(values[2], more[2], fields + 1 + buckets, of_team, of_team + of_org)
local candidate, quote, members, names, facts, passed, line = choose_bid(values, v, limits, bids_at,
  tonumber(ARGV[11]), bids_at + ARGV[11], true, more[1], lifts)
if not candidate then
  local failed, asked = quote, members
  if not failed then return refuse(nil, 'F', 'provider') end
  return refuse(nil, 'B', failed, asked, tonumber(values[v + 2 * failed]) or 0,
    tonumber(values[v + 2 * failed + 1]) or 0, lifts and lifts[failed])
end
-- include: admit_write
return answer('A', tonumber(candidate), tonumber(quote), now_ms, passed or '', pause_ms, next_us)
