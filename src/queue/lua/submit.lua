-- → scheduled | queued. Records jobs and queues them.
--
-- ARGV: max_events, priority_window_ms, idempotency name or '', hash of the body, idempotency ttl in ms, id of the job
--       that is run again or '',
--       then per job: id, client id or '', platform, pool, priority, delay in ms, settings, options, max_attempts.
-- Returns {}, or, when the idempotency key is known, {'known', first job id, hash of its body}, or, when that job cannot
--       be run again, {'refused', its status or '', id of the job that runs it again or ''}.
local max_events, window, retried = ARGV[1], tonumber(ARGV[2]), ARGV[6]
local at = now_ms()

if ARGV[3] ~= '' then
  local name = shard .. 'idempotency:' .. ARGV[3]
  local first = redis.call('HMGET', name, 'job_id', 'body')
  if first[1] then return { 'known', first[1], first[2] } end
  redis.call('HSET', name, 'job_id', ARGV[7], 'body', ARGV[4])
  redis.call('PEXPIRE', name, ARGV[5])
end

-- What a job that runs another one again has beyond others.
local linked = {}
if retried ~= '' then
  local old = redis.call('HMGET', job_key(retried), 'status', 'retried_by')
  local may = { failed = true, dead = true, cancelled = true, timed_out = true }
  if not may[old[1]] or old[2] then return { 'refused', old[1] or '', old[2] or '' } end
  redis.call('HSET', job_key(retried), 'retried_by', ARGV[7])
  linked = { 'retry_of', retried }
  -- What killed its process runs in one of its own.
  if old[1] == 'dead' then linked[3], linked[4] = 'suspect', '1' end
end

local stamp = iso(at)
local enter, index = scores()
local platforms, woken = {}, {}

-- What few jobs have: a field costs some 70 bytes a job, so what says nothing is left out.
local function add_rare(id, key, client, options, priority, delay)
  local fields = { unpack(linked) }
  local function field(name, value)
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
  if client ~= '' then
    field('_id', client)
    enter(shard .. 'clients', '0', named(client, id))
  end
  if priority ~= '0' then field('priority', priority) end
  if options ~= '{}' then
    field('options', options)
    local ttl = option(options, 'queue_ttl_s')
    if ttl then enter(shard .. 'ttl', integer(at + delay + ttl * 1000), id) end
    for _, label in ipairs(labels_of(options)) do enter(shard .. 'labels', '0', named(label, id)) end
  end
  if #fields > 0 then redis.call('HSET', key, unpack(fields)) end
end

-- Keys of queues and indexes by what they are of, each made once a call.
local lane, is_rare = lane_of(linked[4]), #linked > 0
local queues, delayed = {}, {}
local function prepare(platform, pool)
  platforms[platform] = shard .. 'platform:' .. platform
  queues[pool] = shard .. lane .. ':' .. pool
  delayed[pool] = shard .. 'delayed:' .. pool
  woken[pool] = { lane, pool }
end

for i = 7, #ARGV, 9 do
  local id, platform, pool, delay = ARGV[i], ARGV[i + 2], ARGV[i + 3], tonumber(ARGV[i + 5])
  local key = job_key(id)
  if not platforms[platform] or not queues[pool] then prepare(platform, pool) end
  local status, when, time = 'queued', 'queued_at', stamp
  if delay > 0 then
    status, when, time = 'scheduled', 'due_at', iso(at + delay)
    enter(delayed[pool], integer(at + delay), id)
  else
    enter(queues[pool], integer(at - ARGV[i + 4] * window), id)
  end
  -- First what is asked for and changed most: a small hash is searched from its beginning. What is there already, if
  -- only empty, is changed in place.
  redis.call('HSET', key, 'status', status, 'lease', '0', 'attempt', '1', 'sanjer', '', 'started_at', '', 'pool', pool,
    'platform_id', platform, 'max_attempts', ARGV[i + 8], 'settings', ARGV[i + 6], 'id', id, 'created_at', stamp,
    when, time)
  if is_rare or ARGV[i + 1] ~= '' or ARGV[i + 7] ~= '{}' or ARGV[i + 4] ~= '0' then
    add_rare(id, key, ARGV[i + 1], ARGV[i + 7], ARGV[i + 4], delay)
  end
  enter(platforms[platform], '0', id)
  status_event(id, status, '1', '0', stamp)
end
index()
for platform in pairs(platforms) do redis.call('SADD', shard .. 'platforms', platform) end
wake_all(woken)
send_events(max_events)
return {}
