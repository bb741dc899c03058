-- Add numbers about offers to the latest of each, and read those of all offers.
-- KEYS: 1 renders, or outcomes
-- ARGV: 1 how many are kept of an offer, then pairs of offer id, numbers (by comma)
-- Reply: pairs of offer id, its latest numbers (by comma, oldest first)
-- Time: none. Complexity: O(offers)
local kept_max = tonumber(ARGV[1])
for at = 2, #ARGV, 2 do
  local text = redis.call('HGET', KEYS[1], ARGV[at])
  text = text and (text .. ',' .. ARGV[at + 1]) or ARGV[at + 1]
  local numbers = {}
  for number in string.gmatch(text, '%d+') do numbers[#numbers + 1] = number end
  local first = math.max(1, #numbers - kept_max + 1)
  redis.call('HSET', KEYS[1], ARGV[at], table.concat(numbers, ',', first))
end
return redis.call('HGETALL', KEYS[1])
