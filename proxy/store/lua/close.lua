-- Note of accounts that nothing counts on them any more; their balances stay.
-- KEYS: 1 registry
-- ARGV: accounts, from 1 on
-- Reply: how many were open
-- Time: none. Complexity: O(accounts)
local closed = 0
for _, account in ipairs(ARGV) do
  local known = redis.call('HGET', KEYS[1], account)
  if known and string.sub(known, 1, 2) == 'o|' then
    redis.call('HSET', KEYS[1], account, 'c|' .. string.sub(known, 3))
    closed = closed + 1
  end
end
return closed
