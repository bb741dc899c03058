-- Fragment: what was changed by hand about an attempt or a vendor's task so far, kept for 800 days; after that
-- the caller's figures, which are the ledger's, are believed.
local AMENDED_MS = '69120000000'
local function whole(number) return string.format('%.0f', number) end

-- Returns adjusted and written off in micro-USD, or nil when the caller knows others.
local function amended(key, adjusted_known, written_known)
  local adjusted, written = unpack(redis.call('HMGET', key, 'a', 'w'))
  if not adjusted and not written then return adjusted_known, written_known end
  adjusted, written = adjusted or '0', written or '0'
  if adjusted ~= adjusted_known or written ~= written_known then return nil end
  return adjusted, written
end

local function amend(key, adjusted, written)
  redis.call('HSET', key, 'a', adjusted, 'w', written)
  redis.call('PEXPIRE', key, AMENDED_MS)
end
