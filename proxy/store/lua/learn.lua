-- Add render times to the latest of each offer, and read those of all offers.
-- KEYS: 1 renders
-- ARGV: 1 how many are kept of an offer, then pairs of offer id, render times (ms, by comma)
-- Reply: pairs of offer id, its latest render times (ms, by comma, oldest first)
-- Time: none. Complexity: O(offers)
local kept_max = tonumber(ARGV[1])
for at = 2, #ARGV, 2 do
  local text = redis.call('HGET', KEYS[1], ARGV[at])
  text = text and (text .. ',' .. ARGV[at + 1]) or ARGV[at + 1]
  local times = {}
  for ms in string.gmatch(text, '%d+') do times[#times + 1] = ms end
  local first = math.max(1, #times - kept_max + 1)
  redis.call('HSET', KEYS[1], ARGV[at], table.concat(times, ',', first))
end
return redis.call('HGETALL', KEYS[1])
