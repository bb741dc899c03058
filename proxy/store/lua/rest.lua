-- Fragment: when a receiver is sent to. KEYS 2 its box 3 outbox 4 its rest.

-- How often in a row it took nothing, and until when (ms) it is left alone.
local function rest_of()
  local failures, until_ms = string.match(redis.call('GET', KEYS[4]) or '0 0', '^(%d+) (%d+)$')
  return tonumber(failures), tonumber(until_ms)
end

local function rest(failures, until_ms)
  local text = string.format('%.0f %.0f', failures, until_ms)
  redis.call('SET', KEYS[4], text, 'PX', string.format('%.0f', until_ms - now_ms + 3600000))
end

-- Say in the outbox when its next letter may be sent: when that is due, but not while it rests, and behind those
-- who wait already.
local function line_up(receiver, until_ms)
  local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
  if #first == 0 then
    redis.call('ZREM', KEYS[3], receiver)
  else
    redis.call('ZADD', KEYS[3], math.max(now_ms, tonumber(first[2]), until_ms), receiver)
  end
end
