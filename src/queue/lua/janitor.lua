-- Deletes finished jobs whose time is over.
--
-- ARGV: limit. Returns how many; call again while it is the limit.
local at, limit = now_ms(), tonumber(ARGV[1])
local deleted, touched = 0, {}

-- Some hundred names at most: platforms × statuses × times that were ever configured and still hold jobs.
for _, name in ipairs(redis.call('SMEMBERS', shard .. 'done')) do
  local keep = tonumber(string.match(name, '%d+$'))
  if keep and deleted < limit then
    local over = integer(at - keep)
    local ids = redis.call('ZRANGEBYSCORE', shard .. 'done:' .. name, '-inf', over, 'LIMIT', 0, limit - deleted)
    for _, id in ipairs(ids) do forget(id, name) end
    if #ids > 0 then touched[name] = true end
    deleted = deleted + #ids
  end
end

-- Jobs with a time of their own.
for _, id in ipairs(redis.call('ZRANGEBYSCORE', shard .. 'expiry', '-inf', at, 'LIMIT', 0, limit - deleted)) do
  local job = redis.call('HMGET', job_key(id), 'platform_id', 'status')
  if job[1] then
    local name = job[1] .. ':' .. job[2] .. ':own'
    forget(id, name)
    touched[name] = true
  end
  redis.call('ZREM', shard .. 'expiry', id)
  deleted = deleted + 1
end
forget_names(touched)
-- A tombstone is needed as long as a claim of the dead could still be under way: a day is far beyond any socket.
redis.call('ZREMRANGEBYSCORE', shard .. 'tombstones', '-inf', at - 86400000)
return deleted
