-- scheduled | queued | retrying | snoozed → cancelled at once; a running job's sanjer is told to stop it.
--
-- ARGV: max_events, retention_ms, id, grace_ms unless the job has its own, patience_ms.
--   A sanjer that has not stopped the job its grace and this patience later is ended by its supervisor.
-- Returns {} if there is no such job, or {the status it has now}.
local max_events, id = ARGV[1], ARGV[3]
local at = now_ms()
local stamp = iso(at)
local key = job_key(id)
local job = redis.call('HMGET', key, 'status', 'pool', 'attempt', 'lease', 'sanjer', 'options', 'cancel_requested_at',
  'platform_id')
local status = job[1]
if not status then return {} end

if waits(status) then
  local finish, index = finisher(at, ARGV[2], ARGV[2])
  leave_queues(id, job[2])
  finish_otherwise(finish, id, key, job[8], 'cancelled', nil, 'cancel_requested_at', stamp)
  count('ended', job[2], 'cancelled')
  index()
  write_counts()
  status_event(id, 'cancelled', job[3], job[4], stamp)
  send_events(max_events)
  return { 'cancelled' }
end
if status == 'running' then
  local grace = option(job[6], 'cancel_grace_s')
  grace = grace and grace * 1000 or tonumber(ARGV[4])
  if not job[7] then redis.call('HSET', key, 'cancel_requested_at', stamp) end
  redis.call('ZADD', shard .. 'stops:' .. job[5], 'NX', integer(at + grace + ARGV[5]), id)
  -- Who does not hear it sees it at the next heartbeat.
  redis.call('PUBLISH', 'etlas:stop:' .. job[5], id)
end
return { status }
