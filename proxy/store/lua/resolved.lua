-- Fragment: a resolved attempt that a person changes. KEYS 5 job; ARGV 7 attempt number 8 charged 9 adjusted
-- 10 written off (micro-USD, as the caller knows them) 11 balances that the caller knows, one a line.

-- Returns the balances of the attempt, those of its reservation and those the caller knows, as a set in order;
-- or nil and a word: open, or stale when its record says another charge.
local function balances_of()
  local names, seen = {}, {}
  local reservation, resolution = unpack(redis.call('HMGET', KEYS[5], 'a' .. ARGV[7], 'r' .. ARGV[7]))
  if reservation and not resolution then return nil, 'open' end
  if resolution and string.match(resolution, '^%a|(%d+)|') ~= ARGV[8] then return nil, 'stale' end
  local held = reservation and string.match(reservation, '^%d+|%d+|%d+|(.*)$') or ''
  for name in string.gmatch(held .. '\n' .. ARGV[11], '[^\n]+') do
    if not seen[name] then names[#names + 1], seen[name] = name, true end
  end
  return names
end

-- Add micro-USD to what is spent on the balances of one owner (T or O) or of both (nil); returns them as lines.
local function spend(names, owner, delta)
  local touched = {}
  for _, name in ipairs(names) do
    local letter = string.sub(name, 1, 1)
    if not owner or letter == owner then
      redis.call('HINCRBY', letter == 'T' and KEYS[6] or KEYS[7], string.sub(name, 2) .. '|s', delta)
      touched[#touched + 1] = name
    end
  end
  return table.concat(touched, '\n')
end
