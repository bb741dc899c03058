-- Fragment of admit: every write of an accepted create. The values were read in this script, so plain
-- HSET of new sums is exact and one call instead of one per balance.
local team = {'open', open + 1}
local organisation, names = {}, {}
for i = 1, buckets do
  team[#team + 1] = ARGV[fields + i]
  team[#team + 1] = next_us[i]
end
for i = bid + 4, bid + 3 + ARGV[bid + 3] do
  local place = 2 * tonumber(ARGV[i]) + 1 + buckets
  local is_team = place < team_fields
  local owner = is_team and team or organisation
  local field = ARGV[fields + place + 1]
  owner[#owner + 1] = field
  owner[#owner + 1] = (tonumber(values[place + 2]) or 0) + ARGV[bid + 1]
  names[#names + 1] = (is_team and 'T' or 'O') .. string.sub(field, 1, -3)
end
local reservation = reservation_text(bid, names)
redis.call('HSET', KEYS[1], 'd', ARGV[2], 's', 'q', 'f', 0, 'n', 1, 'a1', reservation)
redis.call('HSET', KEYS[2], unpack(team))
if #organisation > 0 then redis.call('HSET', KEYS[3], unpack(organisation)) end
if not values[1] then redis.call('SADD', KEYS[8], ARGV[7]) end
redis.call('ZADD', KEYS[4], ARGV[3], job)
redis.call('ZADD', KEYS[5], now_us / 1000, job)
post('reserve', '', job .. '-1', ARGV[bid + 1], 0, table.concat(names, '\n'), ARGV[bid + 2])
local until_ms = string.format('%.0f', now_ms + TRY_MS)
if records then
  drop_refusals(records, job)
  add_record(records, 'j', job, ARGV[5], TRY_MS)
  keep_records(KEYS[7], records)
else
  local line = 'j ' .. job .. ' ' .. ARGV[5] .. ' ' .. until_ms
  local before = redis.call('SET', KEYS[7], line, 'PX', TRY_MS, 'GET')
  if before then
    records = recall(before)
    drop_refusals(records, job)
    add_record(records, 'j', job, ARGV[5], TRY_MS)
    keep_records(KEYS[7], records)
  end
end
if KEYS[9] then redis.call('SET', KEYS[9], ARGV[6] .. '|' .. job, 'PX', ARGV[9]) end
