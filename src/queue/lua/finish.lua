-- running → succeeded | failed | timed_out | dead | retrying | snoozed | queued (handed back by its own sanjer).
-- Refused unless the job is running under the given lease.
--
-- ARGV: max_events, sanjer, retention_ms, then per job: id, lease, status, JSON (result or error), delay in ms.
-- Returns per job: 1 written, 2 it was written before (a repeated call), 0 refused.
local max_events, sanjer, retention = ARGV[1], ARGV[2], tonumber(ARGV[3])
local at = now_ms()
local stamp = iso(at)
local held = shard .. 'held:' .. sanjer
local finish, index = finisher(at, retention)
local ended, answers = {}, {}
local woken = {}

for i = 4, #ARGV, 5 do
  local id, lease, status, json, delay = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], tonumber(ARGV[i + 4])
  local key = job_key(id)
  local job = redis.call('HMGET', key, 'lease', 'status', 'pool', 'attempt')
  if job[1] ~= lease or job[2] ~= 'running' then
    local repeated = job[1] == lease and job[2] == status
    if not repeated then redis.call('HINCRBY', shard .. 'counters', 'refused_writes', 1) end
    answers[#answers + 1] = repeated and 2 or 0
  else
    local pool, attempt = job[3], job[4]
    local error = ''
    if status == 'queued' then
      put_back(id, pool, redis.call('HGET', key, 'suspect'), redis.call('ZSCORE', held, id), woken)
    elseif status == 'retrying' or status == 'snoozed' then
      if status == 'retrying' then attempt = redis.call('HINCRBY', key, 'attempt', 1) end
      redis.call('HSET', key, 'status', status, 'error', json, 'due_at', iso(at + delay))
      redis.call('ZADD', shard .. 'delayed:' .. pool, integer(at + delay), id)
      woken['queue ' .. pool] = { 'queue', pool }
      error = ',"error":' .. json
    elseif status == 'succeeded' then
      finish(id, key, status, 'progress', '1', 'result', json)
    else
      finish(id, key, status, 'error', json)
      error = ',"error":' .. json
    end
    ended[#ended + 1] = id
    status_event(id, status, attempt, lease, stamp, error)
    answers[#answers + 1] = 1
  end
end
if #ended > 0 then redis.call('ZREM', held, unpack(ended)) end
index()
wake_all(woken)
send_events(max_events)
return answers
