-- Fragment: flags (field `z`) and live overrides (field `v`) of a team or of the organisation; both are nil, and
-- cost nothing, in normal life. docs/store.md describes them.
local function is_flagged(flags, flag)
  return flags and string.find('\n' .. flags .. '\n', '\n' .. flag .. '\n', 1, true)
end

-- Whether `flags` of the organisation freeze a provider.
local function is_frozen(flags, provider)
  return is_flagged(flags, 'freeze:' .. provider)
end

-- What overrides add to limits just now, by balance number; `ARGV[names + 2 * n]` is the field that holds what
-- is spent of balance n. The first `of_team` are the team's, `count` there are in all. nil when nothing does.
local function lifted(team_overrides, organisation_overrides, names, of_team, count)
  if not team_overrides and not organisation_overrides then return nil end
  local lifts = {}
  for number = 0, count - 1 do
    local name = string.sub(ARGV[names + 2 * number], 1, -3)
    local lines = organisation_overrides
    if number < of_team then lines = team_overrides end
    lifts[number] = 0
    for amount, until_ms, balance in string.gmatch(lines or '', '%S+ (%d+) (%d+) ([^\n]+)') do
      if balance == name and tonumber(until_ms) > now_ms then lifts[number] = lifts[number] + amount end
    end
  end
  return lifts
end
