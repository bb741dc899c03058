-- Mark levels of a balance as reached, and put the news of the highest into the outbox: each level once.
-- The field of the marks is an operation id and the marks, by blanks; the id is of the last that was news.
-- KEYS: 1 team, or organisation 2 outbox, from 3 on each letter and its receiver's box
-- ARGV: 1 operation id 2 field of the marks 3 marks, low to high, by blanks 4 life of a letter (ms), from 5 on
--   id, receiver, kind and body of each letter
-- Reply: 1 if the highest had no mark yet, and the letters are in the outbox; else 0
-- Time: Redis TIME. Complexity: O(marks + letters)
-- include: clock
-- include: letters
local op, known = string.match(redis.call('HGET', KEYS[1], ARGV[2]) or '- ', '^(%S+) ?(.*)$')
if op == ARGV[1] then return 1 end
local added, is_news = known, false
for mark in string.gmatch(ARGV[3], '%S+') do
  is_news = not string.find(' ' .. known .. ' ', ' ' .. mark .. ' ', 1, true)
  if is_news then added = added .. ' ' .. mark end
end
if added == known then return 0 end
redis.call('HSET', KEYS[1], ARGV[2], (is_news and ARGV[1] or '-') .. ' ' .. string.match(added, '^ ?(.*)$'))
if not is_news then return 0 end
post_letters(KEYS[2], 3, 5, ARGV[4])
return 1
