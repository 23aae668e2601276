-- running → queued | cancelled, for jobs that a living sanjer holds without knowing it: the answer of its claim was lost.
--
-- ARGV: max_events, sanjer, retention_ms, limit, priority_window_ms, then the ids it knows. Returns how many went back.
local max_events, sanjer, limit, window = ARGV[1], ARGV[2], tonumber(ARGV[4]), tonumber(ARGV[5])
local at = now_ms()
local stamp = iso(at)
local held = shard .. 'held:' .. sanjer
local finish, index = finisher(at, ARGV[3], ARGV[3])
local known = {}
for i = 6, #ARGV do known[ARGV[i]] = true end

local moved = 0
local woken = {}
for _, member in ipairs(redis.call('SMEMBERS', held)) do -- bounded by the sanjer's slots
  local id = id_of(member)
  if not known[id] and moved < limit then
    local key = job_key(id)
    local job = redis.call('HMGET', key, 'status', 'sanjer', 'pool', 'suspect', 'attempt', 'lease', 'cancel_requested_at',
      'platform_id')
    redis.call('SREM', held, member)
    if job[1] == 'running' and job[2] == sanjer then
      local status = job[7] and 'cancelled' or 'queued'
      if job[7] then
        finish_otherwise(finish, id, key, job[8], status)
        count('ended', job[3], status)
      else
        put_back(id, job[3], job[4], window, woken)
      end
      status_event(id, status, job[5], job[6], stamp)
      moved = moved + 1
    end
  end
end
index()
wake_all(woken)
write_counts()
send_events(max_events)
return moved
