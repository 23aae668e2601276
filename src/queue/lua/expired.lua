-- Which sanjers let their lease run out.
--
-- ARGV: limit. Returns their names.
return redis.call('ZRANGEBYSCORE', shard .. 'sanjers', '-inf', now_ms(), 'LIMIT', 0, ARGV[1])
