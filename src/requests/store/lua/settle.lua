-- INIT, RUNNING, WAITING → EXPIRED, for all providers that have not ended. A request has a hundred at most.
--
-- ARGV: id, 'decided' or 'late'; late ones are ended only if the deadline has passed.
-- Nobody is to be told of some: then nothing more is to be done.
-- Returns 'now', 'early' or 'unknown'; the time; the request.
local key = request(ARGV[1])
local deadline = redis.call('HGET', key, 'deadline_at')
if not deadline then return tell('unknown', key) end
if ARGV[2] == 'late' and tonumber(deadline) > now then return tell('early', key) end

local fields = redis.call('HGETALL', key)
local ended = 0
for i = 1, #fields, 2 do
  local name = string.match(fields[i], '^status:(.*)$')
  if name and not over[fields[i + 1]] then
    redis.call('HSET', key, 'status:' .. name, 'EXPIRED', 'at:' .. name, stamp)
    ended = ended + 1
  end
end
if ended > 0 then
  redis.call('HINCRBY', key, 'remaining', -ended)
  if ARGV[2] == 'late' then redis.call('HSET', key, 'expired', '1') end
end
if redis.call('HGET', key, 'delivery') == 'NONE' and redis.call('HSETNX', key, 'closed_at', stamp) == 1 then
  redis.call('ZADD', part .. 'requests:due', stamp, ARGV[1])
end
return tell('now', key)
