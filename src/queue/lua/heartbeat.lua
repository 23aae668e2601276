-- A sanjer says that it lives: its lease is renewed. It hears what it shall stop.
--
-- ARGV: sanjer, lease_ms, then fields of its hash (all at its start, none later).
-- Returns {0} when it has been declared dead and must end, else {1, what is asked of it or '', ids of jobs to stop…}.
local sanjer = ARGV[1]
if redis.call('ZSCORE', shard .. 'tombstones', sanjer) then return { 0 } end
redis.call('ZADD', shard .. 'sanjers', now_ms() + ARGV[2], sanjer)
if #ARGV > 2 then redis.call('HSET', shard .. 'sanjer:' .. sanjer, unpack(ARGV, 3)) end

local stops = shard .. 'stops:' .. sanjer
local answer = { 1, redis.call('HGET', shard .. 'sanjer:' .. sanjer, 'asked') or '' }
for _, id in ipairs(redis.call('ZRANGE', stops, 0, 199)) do
  local job = redis.call('HMGET', job_key(id), 'status', 'sanjer')
  if job[1] == 'running' and job[2] == sanjer then
    answer[#answer + 1] = id
  else
    redis.call('ZREM', stops, id)
  end
end
return answer
