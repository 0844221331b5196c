-- Changes records: all of them, or none.
--
-- KEYS: the records by id, the versions by id, those of removed ones, the ids by digest, and what is
-- known of the table. ARGV: for how many seconds the table is kept, how many removed ones are
-- remembered, and then for each change: the id, the record that is there (`-` for none) and the one that
-- is to be (`-` to remove it), how many digests the old record has and these, and how many the new
-- one has and those.
--
-- A version is a time in microseconds, or one more than the last: a Redis that has lost the last changes
-- gives their versions to no others, which a gateway that knows them would not ask for.
--
-- Answers with `done` and the version; with `changed` and an id when another record is there; with
-- `taken`, an id and the id of the one that has one of its digests; or with `lost` when Redis has lost a
-- part of the table. Nothing is changed then.
local changes, word = {}, 3
local function record()
  local text = ARGV[word]
  word = word + 1
  return text == '-' and '' or text
end
local function digests()
  local count, list = tonumber(ARGV[word]), {}
  for place = 1, count do list[place] = ARGV[word + place] end
  word = word + 1 + count
  return list
end
while word <= #ARGV do
  local change = {id = ARGV[word]}
  word = word + 1
  change.old, change.new = record(), record()
  change.before, change.after = digests(), digests()
  changes[#changes + 1] = change
end

local count = redis.call('HLEN', KEYS[1])
if count ~= redis.call('ZCARD', KEYS[2]) or count > 0 and redis.call('EXISTS', KEYS[5]) == 0 then
  return {'lost'}
end
if count == 0 then redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]) end
for _, change in ipairs(changes) do
  if (redis.call('HGET', KEYS[1], change.id) or '') ~= change.old then return {'changed', change.id} end
  for _, digest in ipairs(change.after) do
    local holder = redis.call('HGET', KEYS[4], digest)
    if holder and holder ~= change.id then return {'taken', change.id, holder} end
  end
end

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
redis.call('HSETNX', KEYS[5], 'table', string.format('%.0f', now))
local last = math.max(now - 1, tonumber(redis.call('HGET', KEYS[5], 'version') or 0))
local version
for place, change in ipairs(changes) do
  version = string.format('%.0f', last + place)
  for _, digest in ipairs(change.before) do redis.call('HDEL', KEYS[4], digest) end
  for _, digest in ipairs(change.after) do redis.call('HSET', KEYS[4], digest, change.id) end
  redis.call('HSET', KEYS[1], change.id, change.new)
  redis.call('ZADD', KEYS[2], version, change.id)
  if change.new == '' then
    redis.call('ZADD', KEYS[3], version, change.id)
  else
    redis.call('ZREM', KEYS[3], change.id)
  end
end
while redis.call('ZCARD', KEYS[3]) > tonumber(ARGV[2]) do
  local oldest = redis.call('ZPOPMIN', KEYS[3])
  redis.call('HDEL', KEYS[1], oldest[1])
  redis.call('ZREM', KEYS[2], oldest[1])
  redis.call('HSET', KEYS[5], 'forgotten', oldest[2])
end
redis.call('HSET', KEYS[5], 'version', version)
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[1]) end
return {'done', version}
