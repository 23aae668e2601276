-- INIT, RUNNING, WAITING → anything but INIT. Writes what became of one provider, once it has ended never again.
--
-- ARGV: id, provider, the job that says so or '' if somebody else does, status, about it as JSON,
--       and maybe what the provider answered.
-- Returns 'now', or why it was not written: 'over', 'superseded' or 'unknown'; the time; the request. Who reads
--       there that the request is decided, and by its own step, owns the callback.
local id, name, job, status = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local key = request(id)
local before = redis.call('HMGET', key, 'status:' .. name, 'job:' .. name)
if not before[1] then return tell('unknown', key) end
if over[before[1]] then return tell('over', key) end
if job ~= '' and job ~= before[2] then return tell('superseded', key) end

redis.call('HSET', key, 'status:' .. name, status, 'at:' .. name, stamp, 'about:' .. name, ARGV[5])
if over[status] then
  redis.call('HINCRBY', key, 'remaining', -1)
  if status == 'DONE' then redis.call('HINCRBY', key, 'succeeded', 1) end
end
if ARGV[6] then redis.call('SET', key .. ':result:' .. name, ARGV[6], 'PX', redis.call('PTTL', key)) end
return tell('now', key)
