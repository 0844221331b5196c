-- KEYS: the log of changes, and a key to try with whether Redis can be written to. ARGV: the line that
-- was read last, `$` for who has never read any; how much is read at once; and for how many
-- milliseconds the log is kept. Answers with 1, the line that is now the last and what was read; or
-- with 0 and the end of the log when something may be missing in between.
redis.call('SET', KEYS[2], '', 'EX', 60)
if redis.call('EXISTS', KEYS[1]) == 0 then
  -- Nothing has been read from this log: there is a line to begin with.
  redis.call('XADD', KEYS[1], '*', 'e', '- *')
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
if string.match(ARGV[1], '^%d+%-%d+$') then
  local lines = redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[2] + 1)
  if lines[1] and lines[1][1] == ARGV[1] then
    local answer = {1, lines[#lines][1]}
    for place = 2, #lines do
      answer[place + 1] = lines[place][2][2]
    end
    return answer
  end
end
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
return {0, last and last[1] or ''}
