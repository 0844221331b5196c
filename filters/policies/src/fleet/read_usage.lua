-- KEYS: for each key of a plan its usage, and its quota. Answers with the number of fields and values
-- of the first, with those, and with what of the second is spent and was granted besides. The list is
-- flat, because Webdis loses what is deeper.
local answer = {}
for place = 1, #KEYS, 2 do
  local fields = redis.call('HGETALL', KEYS[place])
  local quota = redis.call('HMGET', KEYS[place + 1], 'spent', 'extra')
  answer[#answer + 1] = #fields
  for _, field in ipairs(fields) do answer[#answer + 1] = field end
  answer[#answer + 1] = quota[1] or '0'
  answer[#answer + 1] = quota[2] or '0'
end
return answer
