-- Which sanjers had to stop a job and have not.
--
-- ARGV: names. Returns those of them.
local at = now_ms()
local overdue = {}
for _, sanjer in ipairs(ARGV) do
  local ids = redis.call('ZRANGEBYSCORE', shard .. 'stops:' .. sanjer, '-inf', at, 'LIMIT', 0, 10)
  for _, id in ipairs(ids) do
    local job = redis.call('HMGET', job_key(id), 'status', 'sanjer')
    if job[1] == 'running' and job[2] == sanjer then
      overdue[#overdue + 1] = sanjer
      break
    end
  end
end
return overdue
