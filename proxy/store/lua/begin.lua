-- Write the intent to submit a queued job's current attempt, and lease the job to the caller. It takes the turn
-- of its line: the line's virtual time, never behind its provider's, moves on by what the turn costs.
-- KEYS: 1 job 2 due 3 line 4 running 5 team 6 organisation 7 ledger 8 job list 9 lines 10 deadlines 11 turns
-- ARGV: 1 operation id 2 fence 3 attempt number 4 job id 5 attempt text 6 running jobs at most 7 lease (ms)
--   8 provider 9 cost of the turn 10 account
-- Reply: ok and the job's head (its fence raised by one), lost, full, frozen, or drained
-- Time: Redis TIME. Complexity: O(log jobs)
-- include: clock
-- include: fenced
-- include: flags
-- include: line
if state ~= 'q' or string.find(flags, 'c', 1, true) then return {'lost'} end
local own, shared = redis.call('HGET', KEYS[5], 'z'), redis.call('HGET', KEYS[6], 'z')
if is_flagged(own, 'freeze') or is_flagged(shared, 'freeze') or is_frozen(shared, ARGV[8]) then
  return {'frozen'}
end
if is_flagged(shared, 'drain:' .. ARGV[8]) or is_flagged(shared, 'drain:' .. ARGV[8] .. ':' .. ARGV[10]) then
  return {'drained'}
end
if redis.call('SCARD', KEYS[4]) >= tonumber(ARGV[6]) then return {'full'} end
local submitted = string.format('%.0f', now_ms) .. ARGV[5]
redis.call('HSET', KEYS[1], 's', 'b', 'f', ARGV[2] + 1, 'o' .. ARGV[3], submitted, 'l', op)
redis.call('SADD', KEYS[4], ARGV[4])
redis.call('ZADD', KEYS[2], now_ms + ARGV[7], ARGV[4])
dequeue(KEYS[3], KEYS[9], KEYS[10], ARGV[4])
local of_provider, of_line = unpack(redis.call('HMGET', KEYS[11], ARGV[8], KEYS[3]))
local start = math.max(tonumber(of_provider) or 0, tonumber(of_line) or 0)
redis.call('HSET', KEYS[11], ARGV[8], start, KEYS[3], start + ARGV[9])
return report('ok')
