-- running → queued | dead, for the jobs a sanjer held when it died or was given up.
--
-- ARGV: max_events, sanjer, blame (nobody | suspects | alone), max_crashes, retention_ms, error JSON, limit.
--   nobody: its host or Redis was at fault; suspects: a shared process died, so each runs again alone;
--   alone: a process of one slot died, which counts in `crashes`.
-- Returns {jobs moved, jobs left}: call again while jobs are left.
local max_events, sanjer, blame, max_crashes = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local retention, error, limit = tonumber(ARGV[5]), ARGV[6], tonumber(ARGV[7])
local at = now_ms()
local stamp = iso(at)
local held = shard .. 'held:' .. sanjer

-- First the tombstone: a claim that arrives later is refused, so nothing can be taken behind our back.
redis.call('ZADD', shard .. 'tombstones', 'NX', at, sanjer)
redis.call('ZREM', shard .. 'sanjers', sanjer)

local finish, index = finisher(at, retention)
local entries = redis.call('ZRANGE', held, 0, limit - 1, 'WITHSCORES')
local moved = 0
local woken = {}
for i = 1, #entries, 2 do
  local id, score = entries[i], entries[i + 1]
  local key = job_key(id)
  local job = redis.call('HMGET', key, 'status', 'sanjer', 'pool', 'suspect', 'attempt', 'lease')
  redis.call('ZREM', held, id)
  if job[1] == 'running' and job[2] == sanjer then
    local status, suspect = 'queued', job[4]
    if blame == 'alone' and redis.call('HINCRBY', key, 'crashes', 1) >= max_crashes then
      status = 'dead'
      finish(id, key, status, 'error', error)
    else
      if blame == 'suspects' then
        suspect = '1'
        redis.call('HSET', key, 'suspect', 1)
      end
      put_back(id, job[3], suspect, score, woken)
    end
    status_event(id, status, job[5], job[6], stamp, status == 'dead' and ',"error":' .. error or '')
    moved = moved + 1
  end
end
index()
wake_all(woken)
local left = redis.call('ZCARD', held)
if left == 0 then redis.call('DEL', shard .. 'sanjer:' .. sanjer) end
send_events(max_events)
return { moved, left }
