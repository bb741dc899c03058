-- Put on record what a person changed outside of the store, once.
-- KEYS: 1 first result 2 audit
-- ARGV: 1 operation id 2 actor 3 role 4 reason 5 action 6 target 7 before 8 after
-- Reply: ok or conflict, '', 0, 0
-- Time: none. Complexity: O(1)
-- include: change
return done('', '0', '0', ARGV[7], ARGV[8])
