-- The record with an id. KEYS: the records by id. ARGV: the id.
return redis.call('HGET', KEYS[1], ARGV[1]) or ''
