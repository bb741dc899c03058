-- Fragment: one line of the audit. `ARGV[at]` is the operation id, the next are actor, role and reason.
local function record(key, at, action, target, before, after)
  redis.call('XADD', key, '*', 'op', ARGV[at], 'actor', ARGV[at + 1], 'role', ARGV[at + 2], 'action', action,
    'target', target, 'reason', ARGV[at + 3], 'before', before, 'after', after)
end
