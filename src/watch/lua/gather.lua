-- What a sanjer has counted and how it is.
--
-- ARGV: sanjer, number of the call, n, then n fields and values of its hash, then fields of `totals` and what is to be
--   added to them.
-- A call whose number is that of the last one is that call again, because its answer was lost: it counts once. Returns 0
-- for one that was declared dead, else 1.
local sanjer, number, n = ARGV[1], ARGV[2], tonumber(ARGV[3])
if redis.call('ZSCORE', shard .. 'tombstones', sanjer) then return 0 end
local key = shard .. 'sanjer:' .. sanjer
if redis.call('HGET', key, 'gathered') ~= number then
  for i = 4 + 2 * n, #ARGV, 2 do redis.call('HINCRBY', shard .. 'totals', ARGV[i], ARGV[i + 1]) end
end
redis.call('HSET', key, 'gathered', number, unpack(ARGV, 4, 3 + 2 * n))
return 1
