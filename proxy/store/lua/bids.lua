-- Fragment: balances and the bids that must fit them. All amounts in micro-USD.
-- `values[v], values[v + 1]` are spent and reserved of balance 0, and so on;
-- `ARGV[at ...]` start (ms), end (ms), limit, 1 for deny, of each balance.
local function is_stale(at, count)
  for i = at, at + 4 * count - 1, 4 do
    if now_ms < tonumber(ARGV[i]) or now_ms >= tonumber(ARGV[i + 1]) then return true end
  end
  return false
end

-- A bid in ARGV: candidate, quote, facts for the ledger, n, then n numbers of balances (from 0).
-- Returns the place of the first that fits; else nil and the first failure: balance, quote.
local function choose_bid(values, v, at, first, count, deny_ends)
  local place, failed, failed_quote = first, nil, nil
  for _ = 1, count do
    local quote, size = tonumber(ARGV[place + 1]), tonumber(ARGV[place + 3])
    local fits, denied = true, false
    for i = place + 4, place + 3 + size do
      local balance = tonumber(ARGV[i])
      local used = (tonumber(values[v + 2 * balance]) or 0)
        + (tonumber(values[v + 2 * balance + 1]) or 0)
      if used + quote > tonumber(ARGV[at + 4 * balance + 2]) then
        if not failed then failed, failed_quote = balance, quote end
        fits, denied = false, denied or ARGV[at + 4 * balance + 3] == '1'
      end
    end
    if fits then return place end
    if denied and deny_ends then break end
    place = place + 4 + size
  end
  return nil, failed, failed_quote
end

-- A reservation as it is kept in the job: candidate, amount, time (ms), balances with their owners.
local function reservation_text(place, names)
  return ARGV[place] .. '|' .. ARGV[place + 1] .. '|' .. string.format('%.0f', now_ms)
    .. '|' .. table.concat(names, '\n')
end
