-- Fragment: balances and the bids that must fit them. All amounts in micro-USD.
-- `values[v], values[v + 1]` are spent and reserved of balance 0, and so on. `ARGV[limits + n]` is the limit of
-- balance n; one whose budget says `next` stands there as -1 - limit. Bids begin at `ARGV[bids_at]`, one each:
-- `candidate quote group`, a line break, the offer's facts for the ledger. A group is the balances that count a bid:
-- `ARGV[groups + 2 * group]` their numbers, the one after it their names with their owners, one a line.

-- Returns candidate, quote, numbers, names and facts of the first bid that fits; else nil and the first
-- failure: balance, quote. If `deny_ends`, a bid that fails a `deny` budget ends the search.
local function choose_bid(values, v, limits, bids_at, count, groups, deny_ends)
  local failed, failed_quote = nil, nil
  for at = bids_at, bids_at + count - 1 do
    local candidate, quote, group = string.match(ARGV[at], '^(%d+) (%d+) (%d+)\n')
    local members = ARGV[groups + 2 * group]
    local fits, denied = true, false
    for number in string.gmatch(members, '%d+') do
      local limit, place = tonumber(ARGV[limits + number]), v + 2 * number
      local is_deny = limit >= 0
      if not is_deny then limit = -1 - limit end
      if (tonumber(values[place]) or 0) + (tonumber(values[place + 1]) or 0) + quote > limit then
        if not failed then failed, failed_quote = tonumber(number), tonumber(quote) end
        fits, denied = false, denied or is_deny
      end
    end
    if fits then
      local facts = string.sub(ARGV[at], string.find(ARGV[at], '\n', 1, true) + 1)
      return candidate, quote, members, ARGV[groups + 2 * group + 1], facts
    end
    if denied and deny_ends then break end
  end
  return nil, failed, failed_quote
end

-- A reservation as it is kept in the job: candidate, amount, time (ms), balances with their owners.
local function reservation_text(candidate, quote, names)
  return candidate .. '|' .. quote .. '|' .. string.format('%.0f', now_ms) .. '|' .. names
end
