-- Take what a resolved attempt costs off its team and key, once; the organisation's balances keep it.
-- KEYS: 1 first result 2 audit 3 amended 4 ledger 5 job 6 team 7 organisation 8 registry
-- ARGV: 1 operation id 2 actor 3 role 4 reason 5 action 6 target (the attempt) 7 attempt number 8 charged
--   9 adjusted 10 written off (micro-USD, as the caller knows them) 11 balances 12 latest opening known
--   13 facts
-- Reply: ok, moved, open, stale or nothing; id of the entry, micro-USD added (below 0), micro-USD written off
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
local cost = whole(ARGV[8] + adjusted)
if written ~= '0' or cost == '0' then return refused('nothing') end
local touched = spend('T', '-' .. cost)
local entry = post('write_off', ARGV[1], ARGV[6], '0', '-' .. cost, touched, ARGV[13])
amend(KEYS[3], adjusted, cost)
return done(entry, '-' .. cost, cost, cost, '0')
