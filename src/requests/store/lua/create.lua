-- Writes a request with all its jobs.
--
-- ARGV: id, order as JSON, ms until its deadline, ms its keys are kept at most, state of the callback,
--       then per provider: name, id of its job.
-- Returns 'new' or, if there is one with this id, 'known'; the time; the request.
local id = ARGV[1]
local key = request(id)
if redis.call('EXISTS', key) == 1 then return tell('known', key) end

local total = integer((#ARGV - 5) / 2)
redis.call('HSET', key, 'order', ARGV[2], 'created_at', stamp, 'deadline_at', integer(now + ARGV[3]), 'total', total,
  'remaining', total, 'succeeded', '0', 'delivery', ARGV[5])
for i = 6, #ARGV, 2 do
  local name = ARGV[i]
  redis.call('HSET', key, 'status:' .. name, 'INIT', 'job:' .. name, ARGV[i + 1], 'at:' .. name, stamp,
    'about:' .. name, '{}')
end
redis.call('PEXPIRE', key, ARGV[4])
redis.call('ZADD', part .. 'requests', stamp, id)
-- It is looked at by the deadline at the latest; whoever enqueues its jobs says when before that.
redis.call('ZADD', part .. 'requests:due', integer(now + ARGV[3]), id)
return tell('new', key)
