-- How many jobs of one shard stand where. What it costs depends on pools and sanjers, not on jobs.
--
-- ARGV: priority_window_ms, n, n pools, sanjers…
-- Returns {per pool: queued, alone, delayed, of those due already, since when the oldest waits in ms or -1; per sanjer: jobs it holds;
--   per terminal status: jobs; then field, value of the counters…}.
local window, n = tonumber(ARGV[1]), tonumber(ARGV[2])
local at = now_ms()
local answer = {}

-- The oldest need not be the first, for priorities overtake; but of each priority the first is the oldest. Those of a
-- priority that have waited for less than a window lie in a stretch of their own; who has waited longer stands near the
-- front, behind few. Delayed jobs that are due wait as well: only a claim moves them.
local function oldest(pool)
  local ids = redis.call('ZRANGE', shard .. 'queue:' .. pool, 0, 49)
  local function look(key, from, to)
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', shard .. key, from, to, 'LIMIT', 0, 2)) do ids[#ids + 1] = id end
  end
  for priority = 0, 9 do
    look('queue:' .. pool, '(' .. integer(at - (priority + 1) * window), integer(at - priority * window))
  end
  look('alone:' .. pool, '-inf', '+inf')
  local first = -1
  local due = redis.call('ZRANGEBYSCORE', shard .. 'delayed:' .. pool, '-inf', at, 'WITHSCORES', 'LIMIT', 0, 1)[2]
  if due then first = tonumber(due) end
  for _, id in ipairs(ids) do
    local queued = redis.call('HGET', job_key(id), 'queued_at')
    local since = queued and queued ~= '' and ms_of(queued)
    if since and (first < 0 or since < first) then first = since end
  end
  return first
end

for i = 3, 2 + n do
  local pool = ARGV[i]
  for _, name in ipairs({ 'queue:', 'alone:', 'delayed:' }) do
    answer[#answer + 1] = integer(redis.call('ZCARD', shard .. name .. pool))
  end
  answer[#answer + 1] = integer(redis.call('ZCOUNT', shard .. 'delayed:' .. pool, '-inf', at))
  answer[#answer + 1] = integer(oldest(pool))
end
for i = 3 + n, #ARGV do answer[#answer + 1] = integer(redis.call('SCARD', shard .. 'held:' .. ARGV[i])) end
-- A set for each platform, status and retention that there is.
local done = {}
for _, name in ipairs(redis.call('SMEMBERS', shard .. 'done')) do
  local status = string.match(name, '^[^:]*:([^:]*)')
  done[status] = (done[status] or 0) + redis.call('ZCARD', shard .. 'done:' .. name)
end
for _, status in ipairs({ 'succeeded', 'failed', 'timed_out', 'cancelled', 'dead' }) do
  answer[#answer + 1] = integer(done[status] or 0)
end
for _, text in ipairs(redis.call('HGETALL', shard .. 'counters')) do answer[#answer + 1] = text end
return answer
