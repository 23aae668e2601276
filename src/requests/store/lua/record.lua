-- Remembers an attempt to deliver the callback.
--
-- ARGV: id, the job that made it, the state of the callback now, a line of JSON, lines to keep.
-- Returns 1, or 0 if the callback is another job's by now or needs nothing more.
local key, state = request(ARGV[1]), ARGV[3]
local before = redis.call('HMGET', key, 'delivery', 'callback_job', 'log')
if before[1] ~= 'PENDING' or before[2] ~= ARGV[2] then return 0 end

local log = before[3] and before[3] .. '\n' .. ARGV[4] or ARGV[4]
local _, breaks = string.gsub(log, '\n', '')
if breaks >= tonumber(ARGV[5]) then log = string.sub(log, string.find(log, '\n', 1, true) + 1) end
redis.call('HSET', key, 'delivery', state, 'log', log)
redis.call('HINCRBY', key, 'callback_attempts', 1)
if state ~= 'PENDING' then
  redis.call('HSET', key, 'closed_at', stamp)
  redis.call('ZADD', part .. 'requests:due', stamp, ARGV[1])
end
return 1
