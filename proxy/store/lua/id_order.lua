-- Fragment: the order of entry ids, "<ms>-<number>". Numbers stay far below 2^53.
local function is_after(id, other)
  local at, number = string.match(id, '^(%d+)-(%d+)$')
  local other_at, other_number = string.match(other, '^(%d+)-(%d+)$')
  if at ~= other_at then return tonumber(at) > tonumber(other_at) end
  return tonumber(number) > tonumber(other_number)
end
