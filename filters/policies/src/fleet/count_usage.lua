-- Adds to what keys have used of their plans.
--
-- KEYS: the mark of this report, then the usage of a key of a plan. ARGV: the oldest day that is
-- kept, for how many seconds, then for each usage the day, and how many requests were admitted,
-- throttled and refused. A report that comes again finds its mark and changes nothing.
if not redis.call('SET', KEYS[1], '', 'NX', 'EX', 3600) then return 0 end
for place = 2, #KEYS do
  local key, word = KEYS[place], 3 + (place - 2) * 4
  for offset, name in ipairs({'used', 'throttled', 'refused'}) do
    local count = ARGV[word + offset]
    if count ~= '0' then redis.call('HINCRBY', key, ARGV[word] .. ':' .. name, count) end
  end
  if redis.call('HLEN', key) > 400 then
    for _, field in ipairs(redis.call('HKEYS', key)) do
      if tonumber(string.match(field, '^%d+')) < tonumber(ARGV[1]) then redis.call('HDEL', key, field) end
    end
  end
  redis.call('EXPIRE', key, ARGV[2])
end
return 1
