-- Raise or lower a flag of a team or of the organisation: a line of field `z` (docs/store.md lists them).
-- KEYS: 1 first result 2 audit 3 team, or organisation 4 teams
-- ARGV: 1 operation id 2 actor 3 role 4 reason 5 action 6 target 7 flag 8 1 raises, 0 lowers
--   9 team id ('' for the organisation)
-- Reply: ok, '', 1 if that changed anything, 1 if the flag is up
-- Time: none. Complexity: O(flags)
-- include: change
local flags, was = {}, '0'
for flag in string.gmatch(redis.call('HGET', KEYS[3], 'z') or '', '[^\n]+') do
  if flag == ARGV[7] then was = '1' else flags[#flags + 1] = flag end
end
if ARGV[8] == '1' then flags[#flags + 1] = ARGV[7] end
if #flags > 0 then
  redis.call('HSET', KEYS[3], 'z', table.concat(flags, '\n'))
else
  redis.call('HDEL', KEYS[3], 'z')
end
if ARGV[9] ~= '' then redis.call('SADD', KEYS[4], ARGV[9]) end
return done('', was == ARGV[8] and '0' or '1', ARGV[8], was, ARGV[8])
