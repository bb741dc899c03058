-- Correct what a resolved attempt was charged, on its own balances; once it was written off, on the
-- organisation's alone.
-- KEYS: 1 first result 2 audit 3 amended 4 ledger 5 job 6 team 7 organisation 8 registry
-- ARGV: 1 operation id 2 actor 3 role 4 reason 5 action 6 target (the attempt) 7 attempt number 8 charged
--   9 adjusted 10 written off (micro-USD, as the caller knows them) 11 balances 12 latest opening known
--   13 micro-USD to add 14 facts 15 facts if nobody's team bears it
-- Reply: ok, moved, open, stale or below_zero; id of the entry, micro-USD added, micro-USD added in all
-- Time: none. Complexity: O(balances)
-- include: change
-- include: amended
-- include: resolved
local ledger_key = KEYS[4]
-- include: ledger
local word = unsettled()
if word then return refused(word) end
local adjusted, written = amended(KEYS[3], ARGV[9], ARGV[10])
if not adjusted then return refused('stale') end
local cost = ARGV[8] + adjusted
if cost + ARGV[13] < 0 then return refused('below_zero') end
local is_borne = written == '0'
local touched = spend(not is_borne and 'O' or nil, ARGV[13])
local entry = post('adjust', ARGV[1], ARGV[6], '0', ARGV[13], touched, is_borne and ARGV[14] or ARGV[15])
local total = whole(adjusted + ARGV[13])
amend(KEYS[3], total, written)
return done(entry, ARGV[13], total, whole(cost), whole(cost + ARGV[13]))
