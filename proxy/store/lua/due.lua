-- Which members of a queue are due, the longest due first, and when the next one after them will be.
-- KEYS: 1 a queue: job ids by ms
-- ARGV: 1 how many at most 2 how many are passed over first
-- Reply: job ids, ms until the next one (0: more are due now, -1: there is none)
-- Time: Redis TIME. Complexity: O(log jobs + passed over + answer)
-- include: clock
local limit = tonumber(ARGV[1])
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now_us / 1000, 'LIMIT', ARGV[2], limit + 1)
if #found > limit then
  found[limit + 1] = nil
  return {found, 0}
end
local following = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.3f', now_us / 1000),
  '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
if #following == 0 then return {found, -1} end
return {found, math.max(1, math.ceil(following[2] - now_us / 1000))}
