-- Fragment of admit: every write of an accepted create. The values were read in this script, so plain
-- HSET of new sums is exact and one call instead of one per balance.
local team, organisation = {'open', open + 1}, {}
keep_buckets(team, next_us, buckets, fields + 1)
local filled, shared = #team, 0
for number in string.gmatch(members, '%d+') do
  local place = v + 2 * number + 1
  local sum = (tonumber(values[place]) or 0) + quote
  if place <= team_fields + 3 then
    team[filled + 1], team[filled + 2] = ARGV[fields + place - 4], sum
    filled = filled + 2
  else
    organisation[shared + 1], organisation[shared + 2] = ARGV[fields + place - 4], sum
    shared = shared + 2
  end
end
call('HSET', KEYS[1], 'd', ARGV[2], 's', 'q', 'f', '0', 'n', '1',
  'a1', reservation_text(candidate, quote, names))
if passed then call('HSET', KEYS[1], 'g', passed) end
call('HSET', KEYS[2], unpack(team))
if shared > 0 then call('HSET', KEYS[3], unpack(organisation)) end
if not values[4] then call('SADD', KEYS[8], ARGV[7]) end
call('ZADD', KEYS[4], ARGV[3], job)
enqueue(line, KEYS[5], KEYS[10], job, now_ms, ARGV[#ARGV])
post('reserve', '', job .. '-1', quote, '0', names, ARGV[15] .. '\n' .. facts)
local record = 'j ' .. job .. ' ' .. ARGV[5] .. ' ' .. string.format('%.0f', now_ms + 900000)
local before = not records and call('SET', KEYS[7], record, 'PX', '900000', 'GET')
if records or before then
  local recall, keep_records, add_record, drop_refusals = tries()
  records = records or recall(before)
  drop_refusals(records, job)
  add_record(records, 'j', job, ARGV[5], 900000)
  keep_records(KEYS[7], records)
end
if idempotency then call('SET', idempotency, ARGV[6] .. '|' .. job, 'PX', '86400000') end
