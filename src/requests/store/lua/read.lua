-- ARGV: id. Returns 'unknown' or 'known'; the time; the request.
local key = request(ARGV[1])
return tell(redis.call('EXISTS', key) == 1 and 'known' or 'unknown', key)
