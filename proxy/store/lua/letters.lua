-- Fragment: put letters into the outbox, due at once. A letter is four arguments (its id, receiver, kind and body)
-- from `at` on, and two of KEYS from `first` on (itself, and its receiver's box); it lives for `life_ms`, unless
-- it is sent before.
local function post_letters(outbox, first, at, life_ms)
  for i = at, #ARGV, 4 do
    redis.call('HSET', KEYS[first], 'kind', ARGV[i + 2], 'body', ARGV[i + 3], 'at', now_ms)
    redis.call('PEXPIRE', KEYS[first], life_ms)
    redis.call('ZADD', KEYS[first + 1], now_ms, ARGV[i])
    redis.call('ZADD', outbox, 'LT', now_ms, ARGV[i + 1])
    first = first + 2
  end
end
