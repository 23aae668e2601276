-- A page of a job's log. Lines bear numbers from 1; the newest are kept.
--
-- ARGV: job, most lines, only lines with smaller numbers than this, or 0.
-- Returns {} if there is no such job, else {total, kept, number of the first, lines…}.
local key = job_key(ARGV[1])
local limit, before = tonumber(ARGV[2]), tonumber(ARGV[3])
local job = redis.call('HMGET', key, 'status', 'log_lines')
if not job[1] then return {} end
local kept = redis.call('LLEN', key .. ':log')
local total = math.max(tonumber(job[2] or '0'), kept)
local gone = total - kept
local after = before > 0 and math.min(before - 1, total) or total
local first = math.max(after - limit, gone)
local answer = { total, kept, first + 1 }
if after > first then
  for _, line in ipairs(redis.call('LRANGE', key .. ':log', first - gone, after - gone - 1)) do
    answer[#answer + 1] = line
  end
end
return answer
