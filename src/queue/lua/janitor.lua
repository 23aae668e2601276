-- Deletes finished jobs whose time is over: hash, datasets, log and index members together.
--
-- ARGV: limit. Returns how many; call again while it is the limit.
local at = now_ms()
local ids = redis.call('ZRANGEBYSCORE', shard .. 'expiry', '-inf', at, 'LIMIT', 0, ARGV[1])
for _, id in ipairs(ids) do
  local key = job_key(id)
  local job = redis.call('HMGET', key, 'status', 'platform_id')
  if job[1] then
    redis.call('ZREM', shard .. 'done:' .. job[1], id)
    redis.call('ZREM', shard .. 'platform:' .. job[2], id)
  end
  redis.call('UNLINK', key, key .. ':log', key .. ':original', key .. ':processed')
  redis.call('ZREM', shard .. 'expiry', id)
end
-- A tombstone is needed as long as a claim of the dead could still be under way: a day is far beyond any socket.
redis.call('ZREMRANGEBYSCORE', shard .. 'tombstones', '-inf', at - 86400000)
return #ids
