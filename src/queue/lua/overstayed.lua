-- scheduled | queued | retrying | snoozed → timed_out, for jobs that waited longer than their `queue_ttl_s`.
--
-- ARGV: max_events, retention_ms, limit. Returns how many were looked at; call again while it is the limit.
local max_events, limit = ARGV[1], tonumber(ARGV[3])
local at = now_ms()
local stamp = iso(at)
local finish, index = finisher(at, ARGV[2], ARGV[2])

local ids = redis.call('ZRANGEBYSCORE', shard .. 'ttl', '-inf', at, 'LIMIT', 0, limit)
for _, id in ipairs(ids) do
  local key = job_key(id)
  local job = redis.call('HMGET', key, 'status', 'pool', 'attempt', 'lease', 'options', 'platform_id')
  redis.call('ZREM', shard .. 'ttl', id)
  -- One that runs was begun in time.
  if waits(job[1]) then
    local error = '{"class":"timeout","code":"queue_ttl","message":"waited longer than its limit of '
      .. option(job[5], 'queue_ttl_s') .. ' s"}'
    leave_queues(id, job[2])
    finish_otherwise(finish, id, key, job[6], 'timed_out', error)
    count('ended', job[2], 'timed_out')
    status_event(id, 'timed_out', job[3], job[4], stamp, ',"error":' .. error)
  end
end
index()
write_counts()
send_events(max_events)
return #ids
