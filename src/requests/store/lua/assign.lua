-- Gives a task to another job of the queue.
--
-- ARGV: id, the job that has it or '', the one that shall have it, and the provider; without one it is the callback.
-- Returns 1, or 0 if another job has it, or there is nothing left to do.
local key, name = request(ARGV[1]), ARGV[4]
local is_open, field
if name then
  local status = redis.call('HGET', key, 'status:' .. name)
  is_open, field = status and not over[status], 'job:' .. name
else
  is_open, field = redis.call('HGET', key, 'delivery') == 'PENDING', 'callback_job'
end
if not is_open or (redis.call('HGET', key, field) or '') ~= ARGV[2] then return 0 end
redis.call('HSET', key, field, ARGV[3])
return 1
