-- running → queued | cancelled | dead, for the jobs a sanjer held when it died or was given up.
--
-- ARGV: max_events, sanjer, blame (nobody | suspects | alone), max_crashes, retention_ms, error JSON, certificate JSON
--   or '', priority_window_ms, limit.
--   nobody: its host or Redis was at fault; suspects: a shared process died, so each runs again alone;
--   alone: a process of one slot died, which counts in `crashes`.
-- Returns {jobs moved, jobs left}: call again while jobs are left.
local max_events, sanjer, blame, max_crashes = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local error, certificate, window, limit = ARGV[6], ARGV[7], tonumber(ARGV[8]), ARGV[9]
local at = now_ms()
local stamp = iso(at)
local held = shard .. 'held:' .. sanjer

-- First the tombstone: a claim that arrives later is refused, so nothing can be taken behind our back.
redis.call('ZADD', shard .. 'tombstones', 'NX', at, sanjer)
redis.call('ZREM', shard .. 'sanjers', sanjer)

local finish, index = finisher(at, ARGV[5], ARGV[5])
local woken = {}

-- The certificate with what is known of this job alone: where it was.
local function certify(key, lease)
  local said = redis.call('HMGET', key, 'progress', 'message')
  local where = ',"lease":' .. lease .. ',"progress":' .. (said[1] or '0')
    .. (said[2] and ',"message":' .. cjson.encode(said[2]) or '') .. '}'
  redis.call('HSET', key, 'certificate', string.sub(certificate, 1, -2) .. where)
end

local function give_back(id, key, job)
  if certificate ~= '' then certify(key, job[6]) end
  count('runs', job[3], blame == 'nobody' and 'lost' or 'crashed')
  if job[7] then
    finish_otherwise(finish, id, key, job[8], 'cancelled')
    count('ended', job[3], 'cancelled')
    return 'cancelled'
  end
  if blame == 'alone' and redis.call('HINCRBY', key, 'crashes', 1) >= max_crashes then
    finish_otherwise(finish, id, key, job[8], 'dead', error)
    count('ended', job[3], 'dead')
    return 'dead'
  end
  local suspect = job[4]
  if blame == 'suspects' then
    suspect = '1'
    redis.call('HSET', key, 'suspect', 1)
  end
  remember(key, blame == 'nobody' and 'lost' or 'crashed', stamp)
  put_back(id, job[3], suspect, window, woken)
  return 'queued'
end

local moved = 0
for _, member in ipairs(redis.call('SRANDMEMBER', held, limit)) do
  local id = id_of(member)
  local key = job_key(id)
  local job = redis.call('HMGET', key, 'status', 'sanjer', 'pool', 'suspect', 'attempt', 'lease', 'cancel_requested_at',
    'platform_id')
  redis.call('SREM', held, member)
  if job[1] == 'running' and job[2] == sanjer then
    local status = give_back(id, key, job)
    status_event(id, status, job[5], job[6], stamp, status == 'dead' and ',"error":' .. error or '')
    moved = moved + 1
  end
end
index()
wake_all(woken)
write_counts()
local left = redis.call('SCARD', held)
if left == 0 then redis.call('DEL', shard .. 'sanjer:' .. sanjer, shard .. 'stops:' .. sanjer) end
send_events(max_events)
return { moved, left }
