-- running → queued | cancelled, for jobs that a living sanjer holds without knowing it: the answer of its claim was lost.
--
-- ARGV: max_events, sanjer, retention_ms, limit, then the ids it knows. Returns how many went back.
local max_events, sanjer, limit = ARGV[1], ARGV[2], tonumber(ARGV[4])
local at = now_ms()
local stamp = iso(at)
local held = shard .. 'held:' .. sanjer
local finish, index = finisher(at, ARGV[3], ARGV[3])
local known = {}
for i = 5, #ARGV do known[ARGV[i]] = true end

local moved = 0
local woken = {}
local entries = redis.call('ZRANGE', held, 0, -1, 'WITHSCORES') -- bounded by the sanjer's slots
for i = 1, #entries, 2 do
  local id = entries[i]
  if not known[id] and moved < limit then
    local key = job_key(id)
    local job = redis.call('HMGET', key, 'status', 'sanjer', 'pool', 'suspect', 'attempt', 'lease', 'cancel_requested_at')
    redis.call('ZREM', held, id)
    if job[1] == 'running' and job[2] == sanjer then
      local status = job[7] and 'cancelled' or 'queued'
      if job[7] then
        finish_otherwise(finish, id, key, status)
      else
        put_back(id, job[3], job[4], entries[i + 1], woken)
      end
      status_event(id, status, job[5], job[6], stamp)
      moved = moved + 1
    end
  end
end
index()
wake_all(woken)
send_events(max_events)
return moved
