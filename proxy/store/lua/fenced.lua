-- Fragment: the head of every step of a job's current lease holder.
-- KEYS 1 job; ARGV 1 operation id 2 fence 3 attempt number. `l` names the last operation: as long as it is
-- the one asked for again, nothing has happened since, and the job's fields still are its answer. An id that
-- begins with + leaves the job in its caller's hands: a claim, or a step in whose middle the lease is renewed.
local head = redis.call('HMGET', KEYS[1], 's', 'f', 'n', 'x', 'l')
local state, flags, op = head[1], head[4] or '', ARGV[1]
local is_over = state == 'c' or state == 'f' or state == 'x'
local function report(status)
  return {status, unpack(redis.call('HMGET', KEYS[1], 's', 'f', 'n', 'x', 't', 'r' .. ARGV[3],
    'a' .. (ARGV[3] + 1), 'o' .. ARGV[3]))}
end
if state and head[5] == op then return report('ok') end
if not state or head[2] ~= ARGV[2] or head[3] ~= ARGV[3] then return {'lost'} end
