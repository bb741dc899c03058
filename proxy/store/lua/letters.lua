-- Fragment: put letters into the outbox, due at once. A letter is five arguments (its id, receiver, notice, kind
-- and body) from `at` on, and the next of KEYS from `first` on; it lives for `life_ms`, sent or not.
local function post_letters(outbox, first, at, life_ms)
  for i = at, #ARGV, 5 do
    local key = KEYS[first + (i - at) / 5]
    redis.call('HSET', key, 'receiver', ARGV[i + 1], 'notice', ARGV[i + 2], 'kind', ARGV[i + 3], 'body', ARGV[i + 4])
    redis.call('PEXPIRE', key, life_ms)
    redis.call('ZADD', outbox, now_ms, ARGV[i])
  end
end
