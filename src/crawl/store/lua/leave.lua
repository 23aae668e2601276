-- Leaves the crawl: others take over at once what this member held.
-- ARGV: member, keep_ms.
redis.call('ZREM', key('members'), ARGV[1])
redis.call('HDEL', key('metrics'), ARGV[1])
for part = 0, PARTS - 1 do
  if redis.call('HGET', key('owners'), part) == ARGV[1] then redis.call('HDEL', key('owners'), part) end
end
keep_for(ARGV[2])
