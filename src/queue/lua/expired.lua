-- Which sanjers let their lease run out.
--
-- ARGV: limit. Returns their names.
local names = redis.call('ZRANGEBYSCORE', shard .. 'sanjers', '-inf', now_ms(), 'LIMIT', 0, ARGV[1])
-- Nobody can renew a lease in a Redis that answers and takes no writes (full, or demoted): then nobody is to be blamed
-- for it. This write changes nothing, and fails where a renewal would.
if #names > 0 then redis.call('HINCRBY', shard .. 'counters', 'refused_writes', 0) end
return names
