-- Charge the organisation with what a vendor bills for a task that no attempt explains, or take that back.
-- KEYS: 1 first result 2 audit 3 amended 4 ledger 5 organisation 6 registry
-- ARGV: 1 operation id 2 actor 3 role 4 reason 5 action 6 target (the task) 7 charged so far (micro-USD, as the
--   caller knows it) 8 micro-USD to add 9 balances 10 facts 11 latest opening known
-- Reply: ok, moved (an account was opened since, which may count it), stale or below_zero; id of the entry, micro-USD added, micro-USD added in all
-- Time: none. Complexity: O(balances)
-- include: change
-- include: amended
local ledger_key = KEYS[4]
-- include: ledger
if (redis.call('HGET', KEYS[6], '#') or '') ~= ARGV[11] then return refused('moved') end
local charged = amended(KEYS[3], ARGV[7], '0')
if not charged then return refused('stale') end
local total = whole(charged + ARGV[8])
if tonumber(total) < 0 then return refused('below_zero') end
for name in string.gmatch(ARGV[9], '[^\n]+') do
  redis.call('HINCRBY', KEYS[5], string.sub(name, 2) .. '|s', ARGV[8])
end
local entry = post('unattributed', ARGV[1], '', '0', ARGV[8], ARGV[9], ARGV[10])
amend(KEYS[3], total, '0')
return done(entry, ARGV[8], total, charged, total)
