-- Note that a client has read a job by its id: SDK retries no longer replay it.
-- KEYS: 1 job 2 tries
-- ARGV: 1 job id
-- Reply: 1, or 0 when the job is gone
-- Time: Redis TIME. Complexity: O(equal creates of the last minutes)
-- include: clock
-- include: tries
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'q', 1)
local text = redis.call('GET', KEYS[2])
if text then
  local kept = {}
  for _, record in ipairs(recall(text)) do
    if record[1] ~= 'j' or record[2] ~= ARGV[1] then kept[#kept + 1] = record end
  end
  keep_records(KEYS[2], kept)
end
return 1
