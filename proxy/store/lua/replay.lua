-- Put letters back into the outbox, due at once, as a person asked: their patience begins anew, and their
-- receivers neither rest nor are silent any more.
-- KEYS: 1 first result 2 audit 3 outbox 4 undelivered letters 5 silenced receivers, from 6 on letter, its receiver's
--   box and rest
-- ARGV: 1 operation id 2 actor 3 role 4 reason 5 action 6 target 7 life of a letter (ms), from 8 on id, receiver,
--   kind, body, at (ms), and sequence, team and URL ('' for none) of each letter
-- Reply: ok, conflict or nothing (there are no letters), '', letters, letters
-- Time: Redis TIME. Complexity: O(letters x silenced receivers)
-- include: clock
-- include: change
local count = (#ARGV - 7) / 8
if count == 0 then return refused('nothing') end
for i = 1, count do
  local at, key = 8 * i, KEYS[3 + 3 * i]
  local id, receiver = ARGV[at], ARGV[at + 1]
  redis.call('HSET', key, 'kind', ARGV[at + 2], 'body', ARGV[at + 3], 'at', ARGV[at + 4], 'again', now_ms)
  for n, field in ipairs({'seq', 'team', 'url'}) do
    if ARGV[at + 4 + n] ~= '' then redis.call('HSET', key, field, ARGV[at + 4 + n]) end
  end
  redis.call('HDEL', key, 's', 'l', 'tries')
  redis.call('PEXPIRE', key, ARGV[7])
  redis.call('ZADD', KEYS[4 + 3 * i], now_ms, id)
  redis.call('DEL', KEYS[5 + 3 * i])
  redis.call('ZADD', KEYS[3], 'LT', now_ms, receiver)
  redis.call('ZREM', KEYS[4], id)
  local silenced = redis.call('GET', KEYS[5])
  if silenced then
    local kept = string.match(silenced, '^[^\n]*')
    for each in string.gmatch(silenced, '\n([^\n]+)') do
      if each ~= receiver then kept = kept .. '\n' .. each end
    end
    redis.call('SET', KEYS[5], kept)
  end
end
local replayed = string.format('%.0f', count)
return done('', replayed, replayed, '', replayed)
