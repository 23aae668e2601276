-- running → succeeded | failed | timed_out | cancelled | retrying | snoozed | queued (handed back by its own sanjer).
-- Refused unless the job is running under the given lease. A job whose end was asked for meanwhile does not go on: it
-- is cancelled.
--
-- ARGV: max_events, sanjer, retention of successes and of other ends in ms, max_snoozes, priority_window_ms, then per
--   job: id, lease, status, JSON (result or error) or '', ms: how long it waits, or, if it succeeded, its own retention or 0;
--   and, of a success that has no checkpoint, platform and attempt, else '' and ''.
-- Returns per job: 1 written, 2 it was written before (a repeated call), 0 refused.
local max_events, sanjer, max_snoozes, window = ARGV[1], ARGV[2], tonumber(ARGV[5]), tonumber(ARGV[6])
local at = now_ms()
local stamp = iso(at)
local held = shard .. 'held:' .. sanjer
local finish, index = finisher(at, ARGV[3], ARGV[4])
local ended, answers = {}, {}
local woken = {}
-- Runs by what they end with, and whose they are.
local runs, pool = {}, nil

-- A run that did not succeed ends, and maybe its job. Returns what that became, its attempt, and its error, if it has one;
-- nothing if there is no such job any more.
local function end_otherwise(id, key, status, json, ms)
  local job = redis.call('HMGET', key, 'pool', 'suspect', 'cancel_requested_at', 'platform_id', 'attempt')
  local platform, attempt = job[4], job[5]
  if not platform then return nil end
  if job[3] and status ~= 'cancelled' then
    finish_otherwise(finish, id, key, platform, 'cancelled')
    count('ended', job[1], 'cancelled')
    return 'cancelled', attempt
  end
  if not waits(status) then
    local error = json ~= '' and json or nil
    finish_otherwise(finish, id, key, platform, status, error)
    return status, attempt, error
  end
  if status == 'queued' then
    remember(key, 'handed_back', stamp)
    put_back(id, job[1], job[2], window, woken)
    return status, attempt
  end
  if status == 'snoozed' and redis.call('HINCRBY', key, 'snoozes', 1) > max_snoozes then
    local error = '{"class":"snooze","code":"snoozed_too_often","message":"it asked to be run later more than '
      .. max_snoozes .. ' times (jobs.max_snoozes)"}'
    finish_otherwise(finish, id, key, platform, 'failed', error)
    count('ended', job[1], 'failed')
    return 'failed', attempt, error
  end
  remember(key, status, stamp, json)
  if status == 'retrying' then attempt = redis.call('HINCRBY', key, 'attempt', 1) end
  redis.call('HSET', key, 'status', status, 'error', json, 'due_at', iso(at + ms))
  redis.call('ZADD', shard .. 'delayed:' .. job[1], integer(at + ms), id)
  woken['queue ' .. job[1]] = { 'queue', job[1] }
  return status, attempt, json
end

-- Whether this very end was written before: then only its answer was lost.
local function is_repeated(key, lease, status)
  local job = redis.call('HMGET', key, 'lease', 'sanjer', 'status')
  return is_under(job[1], job[2], lease, sanjer) and job[3] == status
end

local members = {}
for i = 7, #ARGV, 7 do members[#members + 1] = holding(ARGV[i], ARGV[i + 1]) end
local is_held = redis.call('SMISMEMBER', held, unpack(members))
for n, member in ipairs(members) do
  local i = 7 * n
  local id, lease, status, json, ms = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], tonumber(ARGV[i + 4])
  local key = job_key(id)
  if is_held[n] == 0 then
    local repeated = is_repeated(key, lease, status)
    if not repeated then redis.call('HINCRBY', shard .. 'counters', 'refused_writes', 1) end
    answers[n] = repeated and 2 or 0
  else
    -- All jobs of a sanjer are of one pool.
    pool = pool or redis.call('HGET', key, 'pool')
    runs[status] = (runs[status] or 0) + 1
    local platform, attempt, error = ARGV[i + 5], ARGV[i + 6], nil
    if status ~= 'succeeded' then
      status, attempt, error = end_otherwise(id, key, status, json, ms)
    elseif platform ~= '' then
      status = finish(id, key, platform, status, ms, nil, 'result', json) and status
    else
      local job = redis.call('HMGET', key, 'platform_id', 'attempt', 'checkpoint')
      attempt = job[2]
      status = job[1] and finish(id, key, job[1], status, ms, nil, 'result', json) and status
      if job[3] then drop_checkpoint(key) end
    end
    ended[#ended + 1] = member
    if status then status_event(id, status, attempt, lease, stamp, error and ',"error":' .. error) end
    answers[n] = status and 1 or 0
  end
end
if #ended > 0 then redis.call('SREM', held, unpack(ended)) end
index()
wake_all(woken)
for status, n in pairs(pool and runs or {}) do
  local outcome = status == 'queued' and 'handed_back' or status
  redis.call('HINCRBY', shard .. 'counters', 'runs:' .. pool .. ':' .. outcome, n)
end
write_counts()
send_events(max_events)
return answers
