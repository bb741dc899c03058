-- Fragment: what is left (ms) of the cool-down in a key's record of refusals (field `m|<key>`, as in strike.lua).
local function cooling_ms(record)
  if not record then return 0 end
  return math.max(0, string.match(record, '^%d+') - now_ms)
end
