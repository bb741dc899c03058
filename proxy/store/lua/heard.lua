-- Fragment: what a breaker makes of an outcome, as proxy.domain.breaker.after. `rules` are failures, ratio
-- (percent), at_least, window, open_min, open_max (ms) and jitter (permille). Marks: s success, f failure, t a
-- failure that opens by itself, n says nothing, r a rest of `detail` ms, g gone in the configuration `detail`.
local function open_breaker(b, cause, rules)
  change_state(b, 'o')
  b.openings = b.openings + 1
  if b.since == 0 then b.since = now_ms end
  local pause = math.min(rules.open_max, rules.open_min * 2 ^ math.min(b.openings - 1, 20))
  b.til, b.cause = now_ms + pause + math.floor(pause * rules.jitter / 1000), cause
end

local function close_breaker(b)
  change_state(b, 'c')
  b.openings, b.since, b.til, b.cause = 0, 0, 0, '-'
end

-- Counts one call in the window; returns how many went well and badly in it.
local function tally(b, is_bad, rules)
  local part_ms = math.max(1, math.floor(rules.window / 6))
  local now_part = math.floor(now_ms / part_ms)
  local kept, good, bad, mine_good, mine_bad = {}, 0, 0, 0, 0
  for part, well, badly in string.gmatch(b.tallies, '(%d+):(%d+):(%d+)') do
    local number = tonumber(part)
    if number > now_part - 6 and number <= now_part then
      good, bad = good + well, bad + badly
      if number == now_part then
        mine_good, mine_bad = tonumber(well), tonumber(badly)
      else
        kept[#kept + 1] = part .. ':' .. well .. ':' .. badly
      end
    end
  end
  if is_bad then bad, mine_bad = bad + 1, mine_bad + 1 else good, mine_good = good + 1, mine_good + 1 end
  kept[#kept + 1] = table.concat({whole(now_part), mine_good, mine_bad}, ':')
  b.tallies = table.concat(kept, ',')
  return good, bad
end

local function hear(b, mark, begun, attempt, detail, rules)
  if mark == 'r' then b.rests = math.max(b.rests, now_ms + detail) end
  if mark == 'g' then b.gone_in, b.gone_at = detail, now_ms end
  local is_probe = b.probe ~= '-' and b.probe == attempt
  if b.state == 'c' then
    if begun < b.generation then return end
    if mark == 't' then return open_breaker(b, detail, rules) end
    if mark ~= 's' and mark ~= 'f' then return end
    b.consecutive = mark == 'f' and b.consecutive + 1 or 0
    local good, bad = tally(b, mark == 'f', rules)
    local is_too_much = good + bad >= rules.at_least and bad * 100 >= (good + bad) * rules.ratio
    if mark == 'f' and (b.consecutive >= rules.failures or is_too_much) then open_breaker(b, detail, rules) end
  elseif mark == 's' then
    if is_probe or begun >= b.generation then close_breaker(b) end
  elseif is_probe then
    if mark == 'f' or mark == 't' then open_breaker(b, detail, rules) else b.probe = '-' end
  end
end
