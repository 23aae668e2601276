-- A supervisor says that it is there and what it shall run; those that have not said so for long are forgotten.
--
-- ARGV: name, ms for which that holds, its pools as JSON; without pools it leaves.
local supervisors = shard .. 'supervisors'
local at = now_ms()
local all = redis.call('HGETALL', supervisors)
for i = 1, #all, 2 do
  local until_ms = tonumber(string.match(all[i + 1], '"until":(%d+)'))
  if not until_ms or until_ms < at then redis.call('HDEL', supervisors, all[i]) end
end
if ARGV[3] then
  redis.call('HSET', supervisors, ARGV[1], '{"until":' .. integer(at + ARGV[2]) .. ',"pools":' .. ARGV[3] .. '}')
else
  redis.call('HDEL', supervisors, ARGV[1])
end
return 1
