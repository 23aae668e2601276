-- The certificates of the last deaths, the newest first. ARGV: how many.
local certificates = {}
for _, sanjer in ipairs(redis.call('ZREVRANGE', shard .. 'deaths', 0, ARGV[1] - 1)) do
  certificates[#certificates + 1] = redis.call('HGET', shard .. 'certificates', sanjer) or nil
end
return certificates
