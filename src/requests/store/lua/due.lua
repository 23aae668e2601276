-- Requests that it is time to look after; nobody else is told of them for a while.
--
-- ARGV: how many at most, for how many ms.
-- Returns their ids.
local due = part .. 'requests:due'
local ids = redis.call('ZRANGEBYSCORE', due, '-inf', stamp, 'LIMIT', 0, ARGV[1])
for _, id in ipairs(ids) do redis.call('ZADD', due, integer(now + ARGV[2]), id) end
return ids
