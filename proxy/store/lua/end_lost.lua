-- End an attempt whose job is gone: give back what it held, and charge what a person says, once.
-- KEYS: 1 first result 2 audit 3 ledger 4 job 5 team 6 organisation
-- ARGV: 1 operation id 2 actor 3 role 4 reason 5 action 6 target (the attempt) 7 attempt number
--   8 held 9 charged (micro-USD, up to what was held) 10 balances 11 facts
-- Reply: ok, or nothing: the job's record knows of it; id of the entry, micro-USD charged, micro-USD charged
-- Time: none. Complexity: O(balances)
-- include: change
local ledger_key = KEYS[3]
-- include: ledger
if redis.call('HEXISTS', KEYS[4], 'a' .. ARGV[7]) == 1 then return refused('nothing') end
local held = ARGV[8] == '0' and '0' or '-' .. ARGV[8]
for line in string.gmatch(ARGV[10], '[^\n]+') do
  local owner = string.sub(line, 1, 1) == 'T' and KEYS[5] or KEYS[6]
  local name = string.sub(line, 2)
  if held ~= '0' then redis.call('HINCRBY', owner, name .. '|r', held) end
  if ARGV[9] ~= '0' then redis.call('HINCRBY', owner, name .. '|s', ARGV[9]) end
end
local kind = ARGV[9] == '0' and 'release' or 'settle'
local entry = post(kind, ARGV[1], ARGV[6], held, ARGV[9], ARGV[10], ARGV[11])
return done(entry, ARGV[9], ARGV[9], ARGV[8], ARGV[9])
