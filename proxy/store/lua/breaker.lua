-- Fragment: circuit breakers, by the rules of proxy.domain.breaker. A breaker is a field of its account's hash:
-- state (c, o, h), generation, consecutive, openings, since, until, cause, probe, rests until, gone in, gone at,
-- and tallies as part:good:bad by comma; times in ms, `-` for nothing.
local NOTHING = 'c 0 0 0 0 0 - - 0 - 0 -'
local function whole(number) return string.format('%.0f', number) end

local function read_breaker(text) -- one that cannot be read is closed
  local words = {}
  for word in string.gmatch(text or NOTHING, '%S+') do words[#words + 1] = word end
  if #words ~= 12 then return read_breaker(nil) end
  local number = function(at) return tonumber(words[at]) end
  return {
    state = words[1], generation = number(2), consecutive = number(3), openings = number(4), since = number(5),
    til = number(6), cause = words[7], probe = words[8], rests = number(9), gone_in = words[10],
    gone_at = number(11), tallies = words[12],
  }
end

local function breaker_text(b)
  return table.concat({
    b.state, whole(b.generation), b.consecutive, b.openings, whole(b.since), whole(b.til), b.cause, b.probe,
    whole(b.rests), b.gone_in, whole(b.gone_at), b.tallies,
  }, ' ')
end

local function change_state(b, state)
  b.state, b.generation, b.consecutive, b.probe, b.tallies = state, math.max(now_ms, b.generation + 1), 0, '-', '-'
end
