-- Fragment: token buckets as GCRA; a bucket is the time (us) at which it will be full.
-- `values[first ...]` are stored times, `ARGV[at ...]` interval and span (us) of each bucket.
-- Returns the next times, or nil when a bucket refuses; the stored times as numbers come second.
local function weigh_buckets(values, first, count, at)
  local next_us, stored_us, allowed = {}, {}, true
  for i = 1, count do
    local interval, span = tonumber(ARGV[at + 2 * i - 2]), tonumber(ARGV[at + 2 * i - 1])
    -- A bucket is at most empty, also one that a stricter limit left behind.
    local stored = math.min(tonumber(values[first + i - 1]) or 0, now_us + span)
    local following = math.max(stored, now_us) + interval
    stored_us[i], next_us[i] = stored, following
    if following - now_us > span then allowed = false end
  end
  return allowed and next_us or nil, stored_us
end
