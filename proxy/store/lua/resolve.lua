-- Fragment: resolve an attempt's reservation on exactly the balances it was made on, once. What it cost beyond
-- its hold is an entry of its own. KEYS 1 job 5 team 6 organisation. `kind` s settles `charged` micro-USD, r
-- releases; `facts` are the attempt's, up to the vendor's task, `outcome` is the next. From then on the balances
-- stand in the ledger alone.
local function resolve(job, number, kind, charged, by, facts, outcome)
  local reservation, resolution = unpack(redis.call('HMGET', KEYS[1], 'a' .. number, 'r' .. number))
  if resolution then return end
  local head, amount, balances = string.match(reservation, '^(%d+|(%d+)|%d+|)(.*)$')
  local over = string.format('%.0f', math.max(0, charged - amount))
  local within = string.format('%.0f', math.min(charged, amount))
  local held = amount == '0' and '0' or '-' .. amount
  redis.call('HSET', KEYS[1], 'r' .. number, table.concat({kind, charged, over, by}, '|'), 'a' .. number, head)
  for line in string.gmatch(balances, '[^\n]+') do
    local owner = string.sub(line, 1, 1) == 'T' and KEYS[5] or KEYS[6]
    local name = string.sub(line, 2)
    if held ~= '0' then redis.call('HINCRBY', owner, name .. '|r', held) end
    if charged ~= '0' then redis.call('HINCRBY', owner, name .. '|s', charged) end
  end
  local attempt, known = job .. '-' .. number, facts .. '\n' .. outcome
  post(kind == 's' and 'settle' or 'release', op, attempt, held, within, balances, known)
  if over ~= '0' then post('overage', op, attempt, '0', over, balances, known) end
end
