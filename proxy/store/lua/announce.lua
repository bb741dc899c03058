-- Fragment: tell of a job that is over for its client: a letter to each who wants to know, in the script that ends it.
-- KEYS 1 job 5 team; from `first` on the outbox, then each letter and its receiver's box. `text` is '' for nobody;
-- else message, kind, team and life of the letters (ms), then each receiver, with the URL if the configuration has
-- none, one a line; after an empty line the data.
local function announce(first, text)
  local head, receivers, data = string.match(text, '^([^\n]+)\n(.-)\n\n(.*)$')
  if not head then return end
  local message, kind, team, life_ms = string.match(head, '^(%S+) (%S+) (%S+) (%d+)$')
  local sequence, at, names = redis.call('HINCRBY', KEYS[5], 'w', 1), first + 1, {}
  for receiver, url in string.gmatch(receivers, '(%S+) ?([^\n]*)') do
    redis.call('HSET', KEYS[at], 'kind', kind, 'body', data, 'at', now_ms, 'seq', sequence, 'team', team)
    if url ~= '' then redis.call('HSET', KEYS[at], 'url', url) end
    redis.call('PEXPIRE', KEYS[at], life_ms)
    redis.call('ZADD', KEYS[at + 1], now_ms, message .. ':' .. receiver)
    redis.call('ZADD', KEYS[first], 'LT', now_ms, receiver)
    at = at + 2
    names[#names + 1] = receiver
  end
  redis.call('HSET', KEYS[1], 'y', table.concat(names, ' '))
end
