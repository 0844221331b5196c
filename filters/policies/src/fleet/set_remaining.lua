-- Sets what is left of a quota. KEYS: the quota, the usage. ARGV: the quota's limit, what is to be
-- left, the moment of expiry in milliseconds, the day, and for how many seconds the usage is kept.
local quota = redis.call('HMGET', KEYS[1], 'spent', 'extra')
local extra = ARGV[2] + (quota[1] or 0) - ARGV[1]
redis.call('HSET', KEYS[1], 'extra', string.format('%.0f', extra))
redis.call('PEXPIREAT', KEYS[1], ARGV[3])
redis.call('HINCRBY', KEYS[2], ARGV[4] .. ':granted', string.format('%.0f', extra - (quota[2] or 0)))
redis.call('EXPIRE', KEYS[2], ARGV[5])
return 1
