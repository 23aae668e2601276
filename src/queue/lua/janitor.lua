-- Deletes finished jobs whose time is over: hash, datasets, log and index members together.
--
-- ARGV: limit. Returns how many; call again while it is the limit.
local at, limit = now_ms(), tonumber(ARGV[1])
local deleted = 0
for _, status in ipairs({ 'succeeded', 'failed', 'timed_out', 'cancelled', 'dead' }) do
  local done = shard .. 'done:' .. status
  local ids = redis.call('ZRANGEBYSCORE', done, '-inf', at, 'LIMIT', 0, limit - deleted)
  for _, id in ipairs(ids) do
    local key = job_key(id)
    local job = redis.call('HMGET', key, 'platform_id', 'options')
    if job[1] then redis.call('ZREM', shard .. 'platform:' .. job[1], id) end
    if option(job[2], 'queue_ttl_s') then redis.call('ZREM', shard .. 'ttl', id) end
    redis.call('UNLINK', key, key .. ':log', key .. ':original', key .. ':processed', key .. ':checkpoint')
    redis.call('ZREM', done, id)
  end
  deleted = deleted + #ids
end
-- A tombstone is needed as long as a claim of the dead could still be under way: a day is far beyond any socket.
redis.call('ZREMRANGEBYSCORE', shard .. 'tombstones', '-inf', at - 86400000)
return deleted
