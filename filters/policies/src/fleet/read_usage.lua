-- KEYS: for each key of a plan its usage, and its quota. Answers with the fields of the first, and
-- with what of the second is spent and was granted besides.
local answer = {}
for place = 1, #KEYS, 2 do
  local quota = redis.call('HMGET', KEYS[place + 1], 'spent', 'extra')
  answer[#answer + 1] = {redis.call('HGETALL', KEYS[place]), quota[1] or '0', quota[2] or '0'}
end
return answer
