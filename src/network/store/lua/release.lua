-- Gives the lock of the aggregator back, if it is still the caller's.
-- ARGV: owner, token.
if redis.call('GET', key('lock')) == ARGV[2] .. ' ' .. ARGV[1] then redis.call('DEL', key('lock')) end
