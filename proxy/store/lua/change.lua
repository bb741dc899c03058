-- Fragment: the frame of a change by a person: done once for its operation, and on record.
-- KEYS 1 the operation's first result 2 audit; ARGV 1 operation id 2 actor 3 role 4 reason 5 action 6 target.
-- A refusal binds nothing: asked for again, it is weighed again. Replies are a word (`conflict`: the operation
-- was something else), the id of the ledger's entry ('' for none), the amount and the total (texts).
-- include: audit
local first, what = redis.call('GET', KEYS[1]), redis.sha1hex(ARGV[5] .. ' ' .. ARGV[6])
if first then
  local entry, amount, total, known = string.match(first, '^(%S*) (%S+) (%S+) (%S+)$')
  if known ~= what then return {'conflict', '', '0', '0'} end
  return {'ok', entry, amount, total}
end
local function done(entry, amount, total, before, after)
  local result = table.concat({entry, amount, total, what}, ' ')
  redis.call('SET', KEYS[1], result, 'PX', '2592000000')
  record(KEYS[2], 1, ARGV[5], ARGV[6], before, after)
  return {'ok', entry, amount, total}
end
local function refused(word) return {word, '', '0', '0'} end
