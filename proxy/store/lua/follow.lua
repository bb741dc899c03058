-- Note how far the ledger was looked at for what is to be told, and put the letters about it into the outbox.
-- KEYS: 1 place: entry id and operation id, by a blank 2 outbox, from 3 on each letter and its receiver's box
-- ARGV: 1 operation id 2 entry id that the caller found (none: '') 3 entry id to note 4 life of a letter (ms), from 5
--   on id, receiver, kind and body of each letter
-- Reply: 1, or 0 when somebody else has noted more since
-- Time: Redis TIME. Complexity: O(letters)
-- include: clock
-- include: letters
local at, op = string.match(redis.call('GET', KEYS[1]) or ' ', '^(%S*) (%S*)$')
if op == ARGV[1] then return 1 end
if at ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[3] .. ' ' .. ARGV[1])
post_letters(KEYS[2], 3, 5, ARGV[4])
return 1
