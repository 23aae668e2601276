-- A sanjer says that it lives: its lease is renewed.
--
-- ARGV: sanjer, lease_ms, then fields of its hash (all at its start, none later).
-- Returns 1, or 0 when it has been declared dead and must end.
local sanjer = ARGV[1]
if redis.call('ZSCORE', shard .. 'tombstones', sanjer) then return 0 end
redis.call('ZADD', shard .. 'sanjers', now_ms() + ARGV[2], sanjer)
if #ARGV > 2 then redis.call('HSET', shard .. 'sanjer:' .. sanjer, unpack(ARGV, 3)) end
return 1
