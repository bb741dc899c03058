-- Fragment: count a refusal of content against a key, in its record: until when it pauses (ms), then its latest
-- refusals (ms), by blanks. `rule` is the field, the refusals that make it pause, within (ms), and for how long (ms);
-- '' counts nothing. KEYS 5 team.
local function strike(rule)
  local field, most, within, pause = string.match(rule, '^(%S+) (%d+) (%d+) (%d+)$')
  if not field then return end
  local until_ms, times = string.match(redis.call('HGET', KEYS[5], field) or '0', '^(%d+)(.*)$')
  local kept = {}
  for at in string.gmatch(times, '%d+') do
    if tonumber(at) > now_ms - within then kept[#kept + 1] = at end
  end
  kept[#kept + 1] = string.format('%.0f', now_ms)
  while #kept > tonumber(most) do table.remove(kept, 1) end
  if #kept == tonumber(most) then until_ms = string.format('%.0f', math.max(until_ms, now_ms + pause)) end
  redis.call('HSET', KEYS[5], field, until_ms .. ' ' .. table.concat(kept, ' '))
end
