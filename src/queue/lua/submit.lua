-- → scheduled | queued. Records jobs and queues them.
--
-- ARGV: max_events, priority_window_ms, idempotency name or '', hash of the body, idempotency ttl in ms,
--       then per job: id, client id or '', platform, pool, priority, delay in ms, settings, options, max_attempts.
-- Returns {} or, when the idempotency key is known, {first job id, hash of its body}.
local max_events, window = ARGV[1], tonumber(ARGV[2])
local at = now_ms()

if ARGV[3] ~= '' then
  local name = shard .. 'idempotency:' .. ARGV[3]
  local first = redis.call('HMGET', name, 'job_id', 'body')
  if first[1] then return first end
  redis.call('HSET', name, 'job_id', ARGV[6], 'body', ARGV[4])
  redis.call('PEXPIRE', name, ARGV[5])
end

local stamp = iso(at)
local enter, index = scores()
local platforms, woken = {}, {}
for i = 6, #ARGV, 9 do
  local id, client, platform, pool, priority = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  local delay, settings, options, max_attempts = tonumber(ARGV[i + 5]), ARGV[i + 6], ARGV[i + 7], ARGV[i + 8]
  -- First what is asked for most: a small hash is searched from its beginning.
  local fields = { 'status', delay > 0 and 'scheduled' or 'queued', 'lease', '0', 'attempt', '1', 'pool', pool,
    'platform_id', platform, 'max_attempts', max_attempts, 'settings', settings, 'id', id, 'created_at', stamp }
  -- What says nothing is left out: a field costs some 70 bytes a job.
  local function field(name, value)
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
  if client ~= '' then field('_id', client) end
  if options ~= '{}' then field('options', options) end
  if priority ~= '0' then field('priority', priority) end
  if delay > 0 then
    field('due_at', iso(at + delay))
    enter(shard .. 'delayed:' .. pool, integer(at + delay), id)
  else
    field('queued_at', stamp)
    enter(shard .. 'queue:' .. pool, integer(at - priority * window), id)
  end
  redis.call('HSET', job_key(id), unpack(fields))
  enter(shard .. 'platform:' .. platform, '0', id)
  platforms[platform] = true
  status_event(id, fields[2], 1, 0, stamp)
  woken[pool] = { 'queue', pool }
end
index()
for platform in pairs(platforms) do redis.call('SADD', shard .. 'platforms', platform) end
wake_all(woken)
send_events(max_events)
return {}
