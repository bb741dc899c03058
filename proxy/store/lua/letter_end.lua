-- End a letter's lease: drop the letter, or let it be due again later.
-- KEYS: 1 letter 2 outbox
-- ARGV: 1 the lease 2 letter id 3 due again in (ms), or -1 to drop it
-- Reply: 1, or 0 when somebody else has it now
-- Time: Redis TIME. Complexity: O(log letters)
-- include: clock
local last = redis.call('HGET', KEYS[1], 'l')
if not last or last == '-' .. ARGV[1] then return 1 end
if last ~= ARGV[1] then return 0 end
if ARGV[3] == '-1' then
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', KEYS[2], ARGV[2])
else
  redis.call('HSET', KEYS[1], 'l', '-' .. ARGV[1])
  redis.call('ZADD', KEYS[2], now_ms + ARGV[3], ARGV[2])
end
return 1
