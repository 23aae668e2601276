-- Deletes a finished job that stands in the set `done:<name>`: hash, datasets, log and index members together.
local function forget(id, name)
  local key = job_key(id)
  local platform, status = string.match(name, '^([^:]+):([^:]+):')
  local job = redis.call('HMGET', key, 'options', '_id', 'error')
  if job[1] then
    if option(job[1], 'queue_ttl_s') then redis.call('ZREM', shard .. 'ttl', id) end
    if option(job[1], 'retention_s') then redis.call('ZREM', shard .. 'expiry', id) end
    for _, label in ipairs(labels_of(job[1])) do redis.call('ZREM', shard .. 'labels', named(label, id)) end
  end
  if job[2] then redis.call('ZREM', shard .. 'clients', named(job[2], id)) end
  local group = job[3] and group_of(job[3], platform, status)
  if group then
    redis.call('ZREM', shard .. 'error:' .. group, id)
    if redis.call('EXISTS', shard .. 'error:' .. group) == 0 then redis.call('ZREM', shard .. 'errors', group) end
  end
  redis.call('ZREM', shard .. 'platform:' .. platform, id)
  redis.call('UNLINK', key, key .. ':log', key .. ':original', key .. ':processed', key .. ':checkpoint')
  redis.call('ZREM', shard .. 'done:' .. name, id)
end

-- Names of sets of finished jobs that are empty now go.
local function forget_names(names)
  for name in pairs(names) do
    if redis.call('EXISTS', shard .. 'done:' .. name) == 0 then redis.call('SREM', shard .. 'done', name) end
  end
end

-- In which set of finished jobs one stands, from its platform, status, options, finished_at and expires_at.
local function place_of(platform, status, options, finished_at, expires_at)
  local keep = option(options, 'retention_s') and 'own' or integer(ms_of(expires_at) - ms_of(finished_at))
  return platform .. ':' .. status .. ':' .. keep
end
