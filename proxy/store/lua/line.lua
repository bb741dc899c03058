-- Fragment: lines. A line is a team's jobs that wait for one provider, by the ms from which they may be dispatched.
-- `lines` says of each line that is not empty how many wait there, `deadlines` when each job must have begun.
local function enqueue(line, lines, deadlines, job, at_ms, deadline_ms)
  redis.call('ZADD', line, at_ms, job)
  redis.call('ZADD', deadlines, deadline_ms, job)
  redis.call('HSET', lines, line, redis.call('ZCARD', line))
end

local function dequeue(line, lines, deadlines, job)
  if redis.call('ZREM', line, job) == 0 then return end
  redis.call('ZREM', deadlines, job)
  local left = redis.call('ZCARD', line)
  if left > 0 then redis.call('HSET', lines, line, left) else redis.call('HDEL', lines, line) end
end
