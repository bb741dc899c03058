-- Admit one job: replay checks, token buckets, open jobs, budgets, then write everything, or nothing.
-- KEYS: 1 job 2 team 3 organisation 4 job list 5 waiting 6 ledger 7 tries 8 teams 9 idempotency (or none)
-- ARGV: 1 job id (also the operation id) 2 packed job 3 created (ms) 4 open jobs at most 5 try number
--   6 fingerprint 7 team id 8 Retry-After of too many open jobs (s) 9 life of an idempotency key (ms)
--   10 team fields 11 organisation fields 12 buckets 13 balances 14 bids (all counts)
--   then the names of the fields: "open", each bucket, spent and reserved of each balance (the team's first);
--   then each bucket: interval, span (us); each balance and each bid as in bids.lua
-- Reply: code, now (us), four values, the time (us) of each bucket. A accepted (candidate, micro-USD, ms),
--   D this operation was done before (fields of the job), R replay (job id), K key conflict, L bucket empty,
--   O open jobs, B over budget (balance, quote, spent, reserved), P period moved
-- Time: Redis TIME. Complexity: O(log jobs of the team + balances x bids)
-- include: clock
-- include: gcra
-- include: bids
-- include: tries
local ledger_key = KEYS[6]
-- include: ledger
local job, try = ARGV[1], tonumber(ARGV[5])
local team_fields, org_fields = tonumber(ARGV[10]), tonumber(ARGV[11])
local buckets, balances = tonumber(ARGV[12]), tonumber(ARGV[13])
local fields = 15
local buckets_at = fields + team_fields + org_fields
local balances_at = buckets_at + 2 * buckets
local values = redis.call('HMGET', KEYS[2], unpack(ARGV, fields, fields + team_fields - 1))
local open = tonumber(values[1]) or 0
local next_us, stored_us = weigh_buckets(values, 2, buckets, buckets_at)

local function answer(code, a, b, c, d, times)
  return {code, now_us, a or 0, b or 0, c or 0, d or 0, unpack(times or stored_us)}
end

-- Replays: they spend nothing.
if redis.call('EXISTS', KEYS[1]) == 1 then return answer('D', redis.call('HGETALL', KEYS[1])) end
local records = nil
if KEYS[9] then
  local bound = redis.call('GET', KEYS[9])
  if bound then
    local fingerprint, earlier = string.match(bound, '^(.-)|(.*)$')
    if fingerprint == ARGV[6] then return answer('R', earlier) end
    return answer('K')
  end
elseif try > 0 then
  records = recall(redis.call('GET', KEYS[7]))
  local earlier = earlier_job(records, job, try)
  if earlier then
    keep_records(KEYS[7], records)
    return answer('R', earlier)
  end
end
if is_stale(balances_at, balances) then return answer('P') end

-- Refusals: a retried one is remembered, so that the SDK's next try is a new create.
local function refuse(retry_after_s, ...)
  if retry_after_s and retry_after_s <= 120 and not KEYS[9] then
    records = records or recall(redis.call('GET', KEYS[7]))
    drop_refusals(records, job)
    add_record(records, 'x', job, tostring(try), (retry_after_s + 30) * 1000)
  end
  if records then keep_records(KEYS[7], records) end
  return answer(...)
end
if not next_us then
  local wait_us = 0
  for i = 1, buckets do
    local interval, span = ARGV[buckets_at + 2 * i - 2], ARGV[buckets_at + 2 * i - 1]
    wait_us = math.max(wait_us, math.max(stored_us[i], now_us) + interval - now_us - span)
  end
  return refuse(math.ceil(wait_us / 1000000), 'L')
end
if open >= tonumber(ARGV[4]) then return refuse(tonumber(ARGV[8]), 'O', open) end
if org_fields > 0 then
  local first = fields + team_fields
  local more = redis.call('HMGET', KEYS[3], unpack(ARGV, first, first + org_fields - 1))
  for i = 1, org_fields do values[team_fields + i] = more[i] end
end
local v = 2 + buckets
local bid, failed, quote = choose_bid(values, v, balances_at, balances_at + 4 * balances,
  tonumber(ARGV[14]), true)
if not bid then
  return refuse(nil, 'B', failed, quote, tonumber(values[v + 2 * failed]) or 0,
    tonumber(values[v + 2 * failed + 1]) or 0)
end

-- Accepted.
-- include: admit_write
return answer('A', tonumber(ARGV[bid]), tonumber(ARGV[bid + 1]), now_ms, 0, next_us)
