-- Resolve the current attempt and end its job, in one step; a job with a requested cancel ends cancelled.
-- A job that ended stays as it is, and so does its money: only the operation that ended it tells of it.
-- KEYS: 1 job 2 due 3 waiting 4 running 5 team 6 organisation 7 ledger 8 job list, by a person also 9 audit
-- ARGV: 1 operation id 2 fence 3 attempt number 4 job id 5 state 6 end text 7 attempt text
--   8 retention (s) 9 life in the job list (ms) 10 s settles, r releases 11 charged (micro-USD) 12 by 13 facts
--   14 outcome 15 what a refusal of the content counts as, for strike.lua; by a person also 16 operation id
--   17 actor 18 role 19 reason 20 action 21 the last two facts
-- Reply: ok and the job's head, lost, or over: it had ended before
-- Time: Redis TIME. Complexity: O(log jobs + balances)
-- include: clock
local ledger_key = KEYS[7]
-- include: ledger
-- include: fenced
-- include: resolve
-- include: end_job
-- include: audit
-- include: strike
if is_over then return {'over'} end
local outcome = string.find(flags, 'c', 1, true) and 'cancelled' or ARGV[14]
redis.call('HSET', KEYS[1], 'o' .. ARGV[3], ARGV[7])
resolve(ARGV[4], ARGV[3], ARGV[10], ARGV[11], ARGV[12], ARGV[13], outcome .. (ARGV[21] or ''))
strike(ARGV[15])
if KEYS[9] then record(KEYS[9], 16, ARGV[20], ARGV[4], state, ARGV[10] .. ' ' .. ARGV[11]) end
end_job(ARGV[4], ARGV[5], ARGV[6], ARGV[8], ARGV[9])
return report('ok')
