-- Fragment: token buckets as GCRA; a bucket is the time (us) at which it will be full.
-- `values[first ...]` are stored times, `ARGV[at ...]` interval and span (us) of each bucket; the interval of one
-- in shadow, which refuses nobody, is below 0. What one of these would have refused spends nothing of any of them.
-- Returns the next times, or nil when a bucket refuses; the stored times as numbers come second. A next time of 0
-- or below is the stored one of a bucket of which nothing is spent.
local function weigh_buckets(values, first, count, at)
  local next_us, stored_us, is_refused, is_over = {}, {}, false, false
  for i = 1, count do
    local interval, span = tonumber(ARGV[at + 2 * i - 2]), tonumber(ARGV[at + 2 * i - 1])
    -- A bucket is at most empty, also one that a stricter limit left behind.
    local stored = math.min(tonumber(values[first + i - 1]) or 0, now_us + span)
    local following = math.max(stored, now_us) + math.abs(interval)
    stored_us[i], next_us[i] = stored, following
    if following - now_us > span then
      if interval < 0 then is_over = true else is_refused = true end
    end
  end
  if is_over then
    for i = 1, count do
      if tonumber(ARGV[at + 2 * i - 2]) < 0 then next_us[i] = -stored_us[i] end
    end
  end
  return not is_refused and next_us or nil, stored_us
end

-- The time (us) until every bucket that refuses has a token.
local function wait_for_buckets(stored_us, count, at)
  local wait_us = 0
  for i = 1, count do
    local interval, span = tonumber(ARGV[at + 2 * i - 2]), ARGV[at + 2 * i - 1]
    if interval > 0 then
      wait_us = math.max(wait_us, math.max(stored_us[i], now_us) + interval - now_us - span)
    end
  end
  return wait_us
end

-- Fields and values that keep the next times of buckets; their names begin at `ARGV[names]`.
local function keep_buckets(pairs_of, next_us, count, names)
  for i = 1, count do
    if next_us[i] > 0 then
      pairs_of[#pairs_of + 1] = ARGV[names + i - 1]
      pairs_of[#pairs_of + 1] = next_us[i]
    end
  end
end
