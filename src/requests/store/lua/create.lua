-- Writes a request with all its jobs.
--
-- ARGV: id, order as JSON, ms until its deadline, ms its keys are kept at most, ms until it is
--       looked after, state of the callback,
--       then per provider: name, id of its job.
-- Returns 'new' or, if there is one with this id, 'known'; the time; the request.
local id = ARGV[1]
local key = request(id)
if redis.call('EXISTS', key) == 1 then return tell('known', key) end

local total = integer((#ARGV - 6) / 2)
redis.call('HSET', key, 'order', ARGV[2], 'created_at', stamp, 'deadline_at', integer(now + ARGV[3]), 'total', total,
  'remaining', total, 'succeeded', '0', 'delivery', ARGV[6])
for i = 7, #ARGV, 2 do
  local name = ARGV[i]
  redis.call('HSET', key, 'status:' .. name, 'INIT', 'job:' .. name, ARGV[i + 1], 'at:' .. name, stamp,
    'about:' .. name, '{}')
end
redis.call('PEXPIRE', key, ARGV[4])
redis.call('ZADD', part .. 'requests', stamp, id)
-- Whoever made it may die before its jobs are queued.
redis.call('ZADD', part .. 'requests:due', integer(now + ARGV[5]), id)
return tell('new', key)
