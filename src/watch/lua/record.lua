-- Writes what was taken down, unless somebody has begun a later step meanwhile.
--
-- ARGV: step, the totals as of now, then per ring: name, slot, what stands there now.
local history = shard .. 'history'
if redis.call('HGET', history, 'head') ~= ARGV[1] then return 0 end
redis.call('HSET', history, 'last', ARGV[2])
for i = 3, #ARGV, 3 do redis.call('HSET', history .. ':' .. ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
return 1
