-- Resolve the current attempt and end its job, in one step; a job with a requested cancel ends cancelled.
-- A job that ended stays as it is, and so does its money: only the operation that ended it tells of it.
-- KEYS: 1 job 2 due 3 line 4 running 5 team 6 organisation 7 ledger 8 job list 9 lines 10 deadlines; by a person, or
--   if somebody is told, also 11 audit 12 outbox, from 13 on letters and boxes as in announce.lua
-- ARGV: 1 operation id 2 fence 3 attempt number 4 job id 5 state 6 end text 7 attempt text
--   8 retention (s) 9 s settles, r releases 10 charged (micro-USD) 11 by 12 facts 13 outcome
--   14 what a refusal of the content counts as, for strike.lua 15 whom to tell, for announce.lua; by a person also
--   16 operation id 17 actor 18 role 19 reason 20 action 21 the last two facts
-- Reply: ok and the job's head, lost, or over: it had ended before
-- Time: Redis TIME. Complexity: O(log jobs + balances)
-- include: clock
local ledger_key = KEYS[7]
-- include: ledger
-- include: fenced
-- include: resolve
-- include: line
-- include: end_job
-- include: audit
-- include: strike
-- include: announce
if is_over then return {'over'} end
local is_cancelled = string.find(flags, 'c', 1, true)
local outcome = is_cancelled and 'cancelled' or ARGV[13]
redis.call('HSET', KEYS[1], 'o' .. ARGV[3], ARGV[7])
resolve(ARGV[4], ARGV[3], ARGV[9], ARGV[10], ARGV[11], ARGV[12], outcome .. (ARGV[21] or ''))
strike(ARGV[14])
if ARGV[16] then record(KEYS[11], 16, ARGV[20], ARGV[4], state, ARGV[9] .. ' ' .. ARGV[10]) end
end_job(ARGV[4], ARGV[5], ARGV[6], ARGV[8])
if not is_cancelled then announce(12, ARGV[15]) end
return report('ok')
