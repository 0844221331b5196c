-- The record of the API key with a digest. KEYS: the records by id, the ids by digest. ARGV: the digest.
local id = redis.call('HGET', KEYS[2], ARGV[1])
return id and redis.call('HGET', KEYS[1], id) or ''
