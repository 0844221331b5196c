-- KEYS: for each entry what find.lua takes. ARGV: for each the version under which it was not found,
-- its text, and its lifetime in milliseconds. What was to be forgotten meanwhile is not kept.
for entry = 0, #KEYS / 4 - 1 do
  local key, word = entry * 4, entry * 3
  local marks = redis.call('MGET', KEYS[key + 2], KEYS[key + 3], KEYS[key + 4])
  local version = (marks[1] or '') .. ',' .. (marks[2] or '') .. ',' .. (marks[3] or '')
  if version == ARGV[word + 1] then
    redis.call('SET', KEYS[key + 1], version .. ' ' .. ARGV[word + 2], 'PX', ARGV[word + 3])
  end
end
return 1
