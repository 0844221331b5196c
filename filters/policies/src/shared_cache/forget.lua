-- KEYS: the log of changes, and the marks of a cache, or of it and a group, or of both and an entry.
-- ARGV: the last one's new mark, for how many milliseconds it is kept, what the log says, and how much
-- the log may hold. Answers with the version that the marks make.
redis.call('SET', KEYS[#KEYS], ARGV[1], 'PX', ARGV[2])
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[4]) then
  -- Nobody finds the line again that was read last.
  redis.call('XTRIM', KEYS[1], 'MAXLEN', 0)
end
redis.call('XADD', KEYS[1], '*', 'e', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local marks = {}
for place = 2, 4 do
  marks[place - 1] = KEYS[place] and redis.call('GET', KEYS[place]) or ''
end
return table.concat(marks, ',')
