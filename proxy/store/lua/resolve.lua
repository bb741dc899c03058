-- Fragment: resolve an attempt's reservation on exactly the balances it was made on, once.
-- KEYS 1 job 5 team 6 organisation. `kind` s settles `charged` micro-USD, r releases.
local function resolve(job, number, kind, charged, by, facts)
  local reservation, resolution = unpack(redis.call('HMGET', KEYS[1], 'a' .. number, 'r' .. number))
  if resolution then return end
  local amount, balances = string.match(reservation, '^%d+|(%d+)|%d+|(.*)$')
  local over = string.format('%.0f', math.max(0, charged - amount))
  redis.call('HSET', KEYS[1], 'r' .. number, table.concat({kind, charged, over, by}, '|'))
  for line in string.gmatch(balances, '[^\n]+') do
    local owner = string.sub(line, 1, 1) == 'T' and KEYS[5] or KEYS[6]
    local name = string.sub(line, 2)
    if amount ~= '0' then redis.call('HINCRBY', owner, name .. '|r', '-' .. amount) end
    if charged ~= '0' then redis.call('HINCRBY', owner, name .. '|s', charged) end
  end
  post(kind == 's' and 'settle' or 'release', op, job .. '-' .. number, amount, charged,
    balances, facts)
end
