-- Keeps how a sanjer died, once, however many say so.
--
-- ARGV: sanjer, pool if nobody knows it better, certificate (a JSON object), what to keep.
-- Returns 1 if it is news.
local sanjer, keep = ARGV[1], tonumber(ARGV[4])
local deaths, certificates = shard .. 'deaths', shard .. 'certificates'
if redis.call('ZADD', deaths, 'NX', now_ms(), sanjer) == 0 then return 0 end
local about = redis.call('HMGET', shard .. 'sanjer:' .. sanjer, 'pool', 'host')
local pool = about[1] or ARGV[2]
local more = ''
if pool ~= '' then
  more = more .. ',"pool":' .. cjson.encode(pool)
  redis.call('HINCRBY', shard .. 'counters', 'deaths:' .. pool, 1)
end
if about[2] then more = more .. ',"host":' .. cjson.encode(about[2]) end
redis.call('HSET', certificates, sanjer, string.sub(ARGV[3], 1, -2) .. more .. '}')
for _, old in ipairs(redis.call('ZRANGE', deaths, 0, -keep - 1)) do
  redis.call('ZREM', deaths, old)
  redis.call('HDEL', certificates, old)
end
return 1
