-- Deletes finished jobs before their time is over.
--
-- ARGV: ids. Returns per job: 'deleted', its status if it has not ended, or '' if there is no such job.
local TERMINAL = { succeeded = true, failed = true, timed_out = true, cancelled = true, dead = true }
local answers, touched = {}, {}
for _, id in ipairs(ARGV) do
  local job = redis.call('HMGET', job_key(id), 'platform_id', 'status', 'options', 'finished_at', 'expires_at')
  if not job[2] then
    answers[#answers + 1] = ''
  elseif not TERMINAL[job[2]] then
    answers[#answers + 1] = job[2]
  else
    local name = place_of(job[1], job[2], job[3], job[4], job[5])
    forget(id, name)
    touched[name] = true
    answers[#answers + 1] = 'deleted'
  end
end
forget_names(touched)
return answers
