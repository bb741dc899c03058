-- Note of accounts that nothing counts on them any more; their balances stay. One that was opened again since it
-- was looked at stays open.
-- KEYS: 1 registry
-- ARGV: account and the operation that opened it, of each, from 1 on
-- Reply: how many were open
-- Time: none. Complexity: O(accounts)
local closed = 0
for at = 1, #ARGV, 2 do
  local known = redis.call('HGET', KEYS[1], ARGV[at]) or ''
  local state, opened_by = string.match(known, '^(%a)|[^|]*|[^|]*|%d*|([^|]*)')
  if state == 'o' and opened_by == ARGV[at + 1] then
    redis.call('HSET', KEYS[1], ARGV[at], 'c' .. string.sub(known, 2))
    closed = closed + 1
  end
end
return closed
