-- DELIVERED, UNDELIVERED, GONE, PENDING → PENDING, for somebody who asks for the callback once more.
--
-- ARGV: id. Returns 'now', 'nobody' if there is nobody to tell, or 'unknown'; the time; the request.
local key = request(ARGV[1])
local state = redis.call('HGET', key, 'delivery')
if not state then return tell('unknown', key) end
if state == 'NONE' then return tell('nobody', key) end
redis.call('HSET', key, 'delivery', 'PENDING', 'callback_attempts', '0')
redis.call('HDEL', key, 'closed_at')
return tell('now', key)
