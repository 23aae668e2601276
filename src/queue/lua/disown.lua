-- running → queued, for jobs that a living sanjer holds without knowing it: the answer of its claim was lost.
--
-- ARGV: max_events, sanjer, limit, then the ids it knows. Returns how many went back.
local max_events, sanjer, limit = ARGV[1], ARGV[2], tonumber(ARGV[3])
local stamp = iso(now_ms())
local held = shard .. 'held:' .. sanjer
local known = {}
for i = 4, #ARGV do known[ARGV[i]] = true end

local moved = 0
local woken = {}
local entries = redis.call('ZRANGE', held, 0, -1, 'WITHSCORES') -- bounded by the sanjer's slots
for i = 1, #entries, 2 do
  local id = entries[i]
  if not known[id] and moved < limit then
    local key = job_key(id)
    local job = redis.call('HMGET', key, 'status', 'sanjer', 'pool', 'suspect', 'attempt', 'lease')
    redis.call('ZREM', held, id)
    if job[1] == 'running' and job[2] == sanjer then
      put_back(id, job[3], job[4], entries[i + 1], woken)
      status_event(id, 'queued', job[5], job[6], stamp)
      moved = moved + 1
    end
  end
end
wake_all(woken)
send_events(max_events)
return moved
