-- Fragment: a resolved attempt that a person changes. KEYS 5 job 8 registry; ARGV 7 attempt number 8 charged
-- 9 adjusted 10 written off (micro-USD, as the caller knows them) 11 its balances, one a line 12 the opening
-- of an account up to which they are known.

-- Returns a word if it may not be changed: moved, when an account was opened since, which may count it; open;
-- or stale, when its record says another charge.
local function unsettled()
  if (redis.call('HGET', KEYS[8], '#') or '') ~= ARGV[12] then return 'moved' end
  local reservation, resolution = unpack(redis.call('HMGET', KEYS[5], 'a' .. ARGV[7], 'r' .. ARGV[7]))
  if reservation and not resolution then return 'open' end
  if resolution and string.match(resolution, '^%a|(%d+)|') ~= ARGV[8] then return 'stale' end
end

-- Add micro-USD to what is spent on its balances of one owner (T or O) or of both (nil); returns them as lines.
local function spend(owner, delta)
  local touched = {}
  for name in string.gmatch(ARGV[11], '[^\n]+') do
    local letter = string.sub(name, 1, 1)
    if not owner or letter == owner then
      redis.call('HINCRBY', letter == 'T' and KEYS[6] or KEYS[7], string.sub(name, 2) .. '|s', delta)
      touched[#touched + 1] = name
    end
  end
  return table.concat(touched, '\n')
end
