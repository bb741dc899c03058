-- Fragment: one entry of the ledger. Always the same fields in the same order: the stream then
-- stores their names once. `facts` are lines: team, key, policy, provider, account, model, price,
-- snapshot, by. `balances` are lines: T (team's) or O (organisation's) and the balance's name.
local function post(kind, op, attempt, reserved, charged, balances, facts)
  redis.call('XADD', ledger_key, '*', 'kind', kind, 'op', op, 'attempt', attempt,
    'reserved', reserved, 'charged', charged, 'balances', balances, 'facts', facts)
end
