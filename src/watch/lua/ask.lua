-- Asks something of a sanjer. It finds it with its next heartbeat; the message is to make that one come at once.
--
-- ARGV: sanjer, what, its channel. Returns 0 if there is no such sanjer.
local sanjer = ARGV[1]
local lease = redis.call('ZSCORE', shard .. 'sanjers', sanjer)
if not lease or tonumber(lease) < now_ms() then return 0 end
local key = shard .. 'sanjer:' .. sanjer
-- Numbered, so that each is done once, however often it is read.
redis.call('HSET', key, 'asked', ARGV[2] .. ' ' .. redis.call('HINCRBY', key, 'asks', 1))
redis.call('PUBLISH', ARGV[3], '')
return 1
