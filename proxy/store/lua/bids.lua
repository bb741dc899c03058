-- Fragment: balances and the bids that must fit them. All amounts in micro-USD.
-- `values[v], values[v + 1]` are spent and reserved of balance 0, and so on. `ARGV[limits + n]` is the limit of
-- balance n; one whose budget says `next` stands there as -1 - limit, one that says `allow` as `a` and the
-- limit. Bids begin at `ARGV[bids_at]`, one each: `candidate quote group line`, a line break, the offer's facts for
-- the ledger, the provider first. A group is the balances that count a bid: `ARGV[groups + 2 * group]` their
-- numbers, the one after it their names with their owners, one a line.
-- `KEYS[line]` is where jobs wait for the bid's provider.

-- Returns candidate, quote, numbers, names, facts, passed `allow` limits (numbers, or nil) and line of the first bid
-- that fits; else nil and the first failure: balance, quote (nil when each bid is of a frozen provider). If
-- `deny_ends`, a bid that fails a `deny` budget ends the search. `flags` are the organisation's, `lifts` as
-- flags.lua has them.
local function choose_bid(values, v, limits, bids_at, count, groups, deny_ends, flags, lifts)
  local failed, failed_quote = nil, nil
  for at = bids_at, bids_at + count - 1 do
    local candidate, quote, group, line = string.match(ARGV[at], '^(%d+) (%d+) (%d+) (%d+)\n')
    local members = ARGV[groups + 2 * group]
    local fits, denied, passed = true, false, nil
    if flags and is_frozen(flags, string.match(ARGV[at], '\n([^\n]*)')) then members, fits = '', false end
    for number in string.gmatch(members, '%d+') do
      local limit, place = tonumber(ARGV[limits + number]), v + 2 * number
      local is_deny, is_soft = true, not limit
      if is_soft then
        limit = tonumber(string.sub(ARGV[limits + number], 2))
      elseif limit < 0 then
        limit, is_deny = -1 - limit, false
      end
      if lifts then limit = limit + lifts[tonumber(number)] end
      if (tonumber(values[place]) or 0) + (tonumber(values[place + 1]) or 0) + quote > limit then
        if is_soft then
          passed = (passed and passed .. ' ' or '') .. number
        else
          if not failed then failed, failed_quote = tonumber(number), tonumber(quote) end
          fits, denied = false, denied or is_deny
        end
      end
    end
    if fits then
      local facts = string.sub(ARGV[at], string.find(ARGV[at], '\n', 1, true) + 1)
      return candidate, quote, members, ARGV[groups + 2 * group + 1], facts, passed, KEYS[tonumber(line)]
    end
    if denied and deny_ends then break end
  end
  return nil, failed, failed_quote
end

-- A reservation as it is kept in the job: candidate, amount, time (ms), balances with their owners.
local function reservation_text(candidate, quote, names)
  return candidate .. '|' .. quote .. '|' .. string.format('%.0f', now_ms) .. '|' .. names
end
