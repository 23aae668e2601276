-- Joins the crawl of a network, or says that one is still there; shares the parts of the id space among all who are.
-- A crawl begins when `root`, the job that wants it, is not the one that began the last and nobody else is there.
-- ARGV: member, lease_ms, root, epochs (0 for ever), keep_ms, metrics (JSON), then the parts that are given back.
-- Returns now, epoch, when it began, the crawl's first epoch and when that began, the last closed one, the crawl's last epoch (0 for never),
-- 1 if `root` began it, how many are there, how many parts are too many, and [part, fence] of every part held.
local member, lease, root, epochs, keep = ARGV[1], ARGV[2] + 0, ARGV[3], ARGV[4] + 0, ARGV[5]
local now = now_ms()

local late = redis.call('ZRANGEBYSCORE', key('members'), '-inf', '(' .. integer(now), 'LIMIT', 0, 64)
for _, name in ipairs(late) do
  if name ~= member then
    redis.call('ZREM', key('members'), name)
    redis.call('HDEL', key('metrics'), name)
  end
end
local here = redis.call('ZSCORE', key('members'), member)
redis.call('ZADD', key('members'), integer(now + lease), member)
redis.call('HSET', key('metrics'), member, ARGV[6])
local members = redis.call('ZCARD', key('members'))

if members == 1 and not here and redis.call('HGET', key('about'), 'root') ~= root then
  local epoch = number('about', 'epoch') + 1
  redis.call('HSET', key('about'), 'root', root, 'epoch', integer(epoch), 'started_at', integer(now),
    'began', integer(epoch), 'began_at', integer(now), 'closed', integer(epoch - 1),
    'last', epochs > 0 and integer(epoch + epochs - 1) or '0')
  keep_for(keep)
end

for i = 7, #ARGV do
  if redis.call('HGET', key('owners'), ARGV[i]) == member then redis.call('HDEL', key('owners'), ARGV[i]) end
end
local share = math.ceil(PARTS / members)
local mine, free = {}, {}
for part = 0, PARTS - 1 do
  local owner = redis.call('HGET', key('owners'), part)
  if owner == member then
    mine[#mine + 1] = part
  elseif not owner or not redis.call('ZSCORE', key('members'), owner) then
    free[#free + 1] = part
  end
end
for _, part in ipairs(free) do
  if #mine < share then
    redis.call('HSET', key('owners'), part, member)
    redis.call('HINCRBY', key('fences'), part, 1)
    mine[#mine + 1] = part
  end
end
local held = {}
for _, part in ipairs(mine) do
  held[#held + 1] = part
  held[#held + 1] = number('fences', part)
end
local about = redis.call('HMGET', key('about'), 'epoch', 'started_at', 'began', 'began_at', 'closed', 'last', 'root')
return { now, about[1] + 0, about[2] + 0, about[3] + 0, about[4] + 0, about[5] + 0, about[6] + 0,
  about[7] == root and 1 or 0, members, math.max(0, #mine - share), held }
