-- Fragment: drop the entries of the ledger (KEYS 1) up to the id in ARGV 1.
local at, number = string.match(ARGV[1], '^(%d+)-(%d+)$')
redis.call('XTRIM', KEYS[1], 'MINID', at .. '-' .. string.format('%.0f', number + 1))
