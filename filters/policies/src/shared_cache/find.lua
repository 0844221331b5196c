-- KEYS: an entry, and the marks of its cache, its group and itself. Answers with the version that the
-- marks make, and with an entry of that version: the milliseconds that are left to it, and its text.
local marks = redis.call('MGET', KEYS[2], KEYS[3], KEYS[4])
local version = (marks[1] or '') .. ',' .. (marks[2] or '') .. ',' .. (marks[3] or '')
local entry = redis.call('GET', KEYS[1])
if entry and string.sub(entry, 1, #version + 1) == version .. ' ' then
  return {version, redis.call('PTTL', KEYS[1]), string.sub(entry, #version + 2)}
end
return {version, 0, ''}
