-- Put letters about something into the outbox, unless there were some about it lately.
-- KEYS: 1 what it is about 2 outbox, from 3 on each letter and its receiver's box
-- ARGV: 1 operation id 2 how long nothing more is told about it (ms) 3 life of a letter (ms), from 4 on id, receiver,
--   kind and body of each letter
-- Reply: 1 if they are in the outbox, 0 if there were some
-- Time: Redis TIME. Complexity: O(letters)
-- include: clock
-- include: letters
local told = redis.call('GET', KEYS[1])
if told then return told == ARGV[1] and 1 or 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
post_letters(KEYS[2], 3, 4, ARGV[3])
return 1
