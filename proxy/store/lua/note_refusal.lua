-- Remember a create that was refused before admission, so that its next try is known as a new create.
-- A try numbered above 0 leaves nothing, unless the one before it was refused too: a job may be waiting for it.
-- KEYS: 1 tries
-- ARGV: 1 operation id 2 try number 3 when to come back (s)
-- Reply: 1 if it is remembered, else 0
-- Time: Redis TIME. Complexity: O(equal creates of the last minutes)
-- include: clock
-- include: tries
local records, try = recall(redis.call('GET', KEYS[1])), tonumber(ARGV[2])
local before = try == 0
for i, record in ipairs(records) do
  if record[2] == ARGV[1] then return 1 end
  if record[1] == 'x' and tonumber(record[3]) == try - 1 and not before then
    before = i
  end
end
if not before then return 0 end
if before ~= true then records[before][1] = 'd' end
add_record(records, 'x', ARGV[1], ARGV[2], (ARGV[3] + 30) * 1000)
keep_records(KEYS[1], records)
return 1
