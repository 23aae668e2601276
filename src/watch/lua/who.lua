-- Who is there: sanjers whose lease has not run out, supervisors; and what was counted.
--
-- ARGV: most sanjers, then fields of a sanjer's hash.
-- Returns {ms since 1970, {per sanjer: name, value or '' per field}, {supervisors' JSON}, {field, value of totals…},
--   deaths in the last ten minutes}.
local at = now_ms()
local names = redis.call('ZRANGEBYSCORE', shard .. 'sanjers', at, '+inf', 'LIMIT', 0, ARGV[1])
local sanjers, fields = {}, { unpack(ARGV, 2) }
for _, name in ipairs(names) do
  local values = redis.call('HMGET', shard .. 'sanjer:' .. name, unpack(fields))
  sanjers[#sanjers + 1] = name
  for i = 1, #fields do sanjers[#sanjers + 1] = values[i] or '' end
end
local supervisors = {}
local all = redis.call('HGETALL', shard .. 'supervisors')
for i = 2, #all, 2 do
  local until_ms = tonumber(string.match(all[i], '"until":(%d+)'))
  if until_ms and until_ms >= at then supervisors[#supervisors + 1] = all[i] end
end
local deaths = redis.call('ZCOUNT', shard .. 'deaths', at - 600000, '+inf')
return { integer(at), sanjers, supervisors, redis.call('HGETALL', shard .. 'totals'), deaths }
