-- Tells what of a table has changed.
--
-- KEYS: the records by id, the versions by id, those of removed ones, the ids by digest, and what is
-- known of the table. ARGV: the table and the version that the caller has come to, the version as of
-- which the caller had all, how many records to tell at most, and for how many seconds the table is kept.
--
-- Answers with the table, its version, whether all is told from the beginning (1), and then three words
-- for each record: its id, the version of its last change, and the record itself, which is empty for a
-- removed one. Where there is no table, or a part of it is lost, the answer is 0, 0, 0. The list is flat,
-- because Webdis loses what is deeper.
local known = redis.call('HMGET', KEYS[5], 'table', 'version', 'forgotten')
local count = redis.call('HLEN', KEYS[1])
if not known[1] or count == 0 or count ~= redis.call('ZCARD', KEYS[2]) then
  return {'0', '0', '0'}
end
-- Once a day is enough, and one that may not write tells all the same.
if redis.call('TTL', KEYS[5]) < tonumber(ARGV[5]) - 86400 then
  for _, key in ipairs(KEYS) do redis.pcall('EXPIRE', key, ARGV[5]) end
end
local since, anew = ARGV[2], '0'
if ARGV[1] ~= known[1] or tonumber(ARGV[3]) < tonumber(known[3] or 0)
    or tonumber(since) > tonumber(known[2]) then
  since, anew = '0', '1'
end
local answer = {known[1], known[2], anew}
local changed = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. since, '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[4])
for place = 1, #changed, 2 do
  answer[#answer + 1] = changed[place]
  answer[#answer + 1] = changed[place + 1]
  answer[#answer + 1] = redis.call('HGET', KEYS[1], changed[place]) or ''
end
return answer
