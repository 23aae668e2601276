-- queued → running, for up to `n` jobs of one pool; first, delayed jobs that are due become queued.
--
-- ARGV: max_events, priority_window_ms, sanjer, lane (queue | alone), pool, n.
-- Returns {'tombstoned'} or {ms until the next delayed job is due or -1, now in ms, since when the first job had waited or '',
--          then per job: id, lease, platform, attempt, max_attempts, settings, options or ''}.
local max_events, window, sanjer, lane, pool, n = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])

-- A claim that was still in a socket's buffer when its sanjer was declared dead must not take a job with it.
if redis.call('ZSCORE', shard .. 'tombstones', sanjer) then return { 'tombstoned' } end

local at = now_ms()
local stamp = iso(at)
local queue, delayed, held = shard .. lane .. ':' .. pool, shard .. 'delayed:' .. pool, shard .. 'held:' .. sanjer

-- Delayed jobs that are due, at most as many as are asked for. Returns ms until the next one is, or -1.
local function promote()
  local due = redis.call('ZRANGEBYSCORE', delayed, '-inf', at, 'WITHSCORES', 'LIMIT', 0, n)
  local enter, index = scores()
  local gone = {}
  for i = 1, #due, 2 do
    local id, key = due[i], job_key(due[i])
    local job = redis.call('HMGET', key, 'priority', 'suspect', 'attempt', 'lease')
    gone[#gone + 1] = id
    if job[3] then
      enter(shard .. lane_of(job[2]) .. ':' .. pool, integer(due[i + 1] - (job[1] or 0) * window), id)
      redis.call('HSET', key, 'status', 'queued', 'queued_at', iso(tonumber(due[i + 1])))
      status_event(id, 'queued', job[3], job[4], stamp)
      if job[2] then wake('alone', pool) end
    end
  end
  if #gone > 0 then redis.call('ZREM', delayed, unpack(gone)) end
  index()
  local first = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')
  return first[2] and math.max(0, first[2] - at) or -1
end

local claimed = { lane == 'queue' and promote() or -1, at, '' }
local holds = {}
local sanjer_json = ',"sanjer":"' .. sanjer .. '"'
-- Not ZPOPMIN: it prints every score, which takes longer than all else it does.
local first = redis.call('ZRANGE', queue, 0, n - 1)
if #first > 0 then redis.call('ZREMRANGEBYRANK', queue, 0, #first - 1) end
for i, id in ipairs(first) do
  local key = job_key(id)
  local job
  if i > 1 then
    job = redis.call('HMGET', key, 'platform_id', 'attempt', 'max_attempts', 'settings', 'lease', 'options')
  else
    -- Of the first alone: the others of a call have waited much like it.
    job = redis.call('HMGET', key, 'platform_id', 'attempt', 'max_attempts', 'settings', 'lease', 'options', 'queued_at')
    claimed[3] = job[7] or ''
  end
  -- A hash that is gone was deleted by somebody else's hand; there is nothing left to run.
  if job[1] then
    local lease = job[5] == '0' and '1' or integer(job[5] + 1)
    redis.call('HSET', key, 'status', 'running', 'sanjer', sanjer, 'started_at', stamp, 'lease', lease)
    holds[#holds + 1] = holding(id, lease)
    local size = #claimed
    claimed[size + 1], claimed[size + 2], claimed[size + 3] = id, lease, job[1]
    claimed[size + 4], claimed[size + 5], claimed[size + 6] = job[2], job[3], job[4]
    claimed[size + 7] = job[6] or ''
    status_event(id, 'running', job[2], lease, stamp, sanjer_json)
  end
end
if #holds > 0 then redis.call('SADD', held, unpack(holds)) end
-- Not written again: who is idle would keep the append-only file busy.
if #first < n then redis.call('SET', shard .. 'hungry:' .. lane .. ':' .. pool, 1, 'NX') end
send_events(max_events)
return claimed
