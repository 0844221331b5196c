-- KEYS: the log of changes, and a key to try with whether Redis can be written to. ARGV: up to where
-- the log was read, `$` for who has never read it; how much is read at once; and for how many
-- milliseconds the log is kept after the last change. Answers with 1, up to where it is read now and
-- what was read; or with 0 and its end when something may be missing in between.
redis.call('SET', KEYS[2], '', 'EX', 60)
local after, whole = '-', ARGV[1] ~= '$'
if whole and ARGV[1] ~= '' then
  if #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) > 0 then
    after = '(' .. ARGV[1]
  else
    -- Gone because nothing has changed for long, or lost.
    local age = redis.call('TIME')[1] * 1000 - string.match(ARGV[1], '^%d+')
    whole = age >= tonumber(ARGV[3])
  end
end
if not whole then
  local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
  return {0, last and last[1] or ''}
end
local answer = {1, after == '-' and '' or ARGV[1]}
for _, change in ipairs(redis.call('XRANGE', KEYS[1], after, '+', 'COUNT', ARGV[2])) do
  answer[2] = change[1]
  answer[#answer + 1] = change[2][2]
end
return answer
