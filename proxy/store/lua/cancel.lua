-- Cancel a job: a queued one is released and ends here, another unfinished one is flagged; a job that ended
-- stays as it is. Forgetting hides it from its team as well, and forgets what was sent for it. Doing it twice
-- changes nothing more. It is over for its client at once, whatever is still to come, and that is when others are told.
-- KEYS: 1 job 2 due 3 line 4 running 5 team 6 organisation 7 ledger 8 job list 9 lines 10 deadlines 11 audit
--   12 outbox, from 13 on letters and boxes as in announce.lua
-- ARGV: 1 operation id 2 job id 3 attempt number that 7 speaks of 4 forget: 1 or 0 5 retention (s)
--   6 packed without what was sent, to forget it 7 facts 8 whom to tell, for announce.lua, of one that waits 9 and of
--   another; by a person also 10 operation id 11 actor 12 role 13 reason 14 the last two facts
-- Reply: done or again (another attempt began: ask with its facts), and the job's fields; empty when it is gone
-- Time: Redis TIME. Complexity: O(log jobs + balances)
-- include: clock
local ledger_key = KEYS[7]
-- include: ledger
local op = ARGV[1]
local state, number, fence, flags = unpack(redis.call('HMGET', KEYS[1], 's', 'n', 'f', 'x'))
flags = flags or ''
-- include: resolve
-- include: line
-- include: end_job
-- include: audit
-- include: announce
if not state then return {'done', {}} end
if number ~= ARGV[3] then return {'again', redis.call('HGETALL', KEYS[1])} end
local is_over = state == 'c' or state == 'f' or state == 'x'
if not is_over and not string.find(flags, 'c', 1, true) then
  flags = flags .. 'c'
  if ARGV[10] then record(KEYS[11], 10, 'cancel', ARGV[2], state, state == 'q' and 'x' or 'c') end
  announce(12, state == 'q' and ARGV[8] or ARGV[9])
end
if ARGV[4] == '1' and not string.find(flags, 'd', 1, true) then flags = flags .. 'd' end
if flags ~= '' then redis.call('HSET', KEYS[1], 'x', flags) end
if ARGV[4] == '1' then
  redis.call('HSET', KEYS[1], 'd', ARGV[6])
  redis.call('ZREM', KEYS[8], ARGV[2])
end
if state == 'q' then
  redis.call('HSET', KEYS[1], 'f', fence + 1)
  resolve(ARGV[2], number, 'r', '0', 'cancelled', ARGV[7], 'cancelled' .. (ARGV[14] or ''))
  end_job(ARGV[2], 'x', '', ARGV[5])
end
return {'done', redis.call('HGETALL', KEYS[1])}
