-- Fragment: one entry of the ledger. Always the same fields in the same order: the stream then
-- stores their names once. `reserved` and `spent` are what it adds to each of its balances, micro-USD.
-- `balances` are lines: T (team's) or O (organisation's) and the balance's name; `facts` are lines too, in the
-- order of entries.py.
local function post(kind, op, attempt, reserved, spent, balances, facts)
  return redis.call('XADD', ledger_key, '*', 'kind', kind, 'op', op, 'attempt', attempt,
    'reserved', reserved, 'spent', spent, 'balances', balances, 'facts', facts)
end
