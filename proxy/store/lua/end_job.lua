-- Fragment: end a job: out of every queue, no longer open, kept for `ttl_s` more seconds.
-- KEYS 1 job 2 due 3 line 4 running 5 team 9 lines 10 deadlines; `flags` and `op` as in fenced.lua, `dequeue` as in
-- line.lua.
local function end_job(job, final, text, ttl_s)
  if string.find(flags, 'c', 1, true) then final = 'x' end
  redis.call('HSET', KEYS[1], 's', final, 't', now_ms, 'l', op)
  if text ~= '' then redis.call('HSET', KEYS[1], 'e', text) end
  redis.call('HDEL', KEYS[1], 'w', 'p', 'h')
  redis.call('HINCRBY', KEYS[5], 'open', -1)
  redis.call('ZREM', KEYS[2], job)
  dequeue(KEYS[3], KEYS[9], KEYS[10], job)
  redis.call('SREM', KEYS[4], job)
  redis.call('EXPIRE', KEYS[1], ttl_s)
end
