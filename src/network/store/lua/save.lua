-- Saves a Network that differs from the one before, all that belongs to it, or nothing.
-- ARGV: owner, token, Network (JSON), its digest, reporters (JSON), what changed in brief (JSON), since which
-- revision, what changed in full (JSON, or empty if that is too much), the most events, the most peers that are remembered
-- as gone, the most diffs, then the peers that went, each as JSON.
-- Returns the new revision, or 0 if the lock is another's by now.
if redis.call('GET', key('lock')) ~= ARGV[2] .. ' ' .. ARGV[1] then return 0 end
local now = integer(now_ms())
local revision = redis.call('HINCRBY', key('meta'), 'revision', 1)
redis.call('SET', network, ARGV[3])
redis.call('SET', key('reporters'), ARGV[5])
redis.call('HSET', key('meta'), 'saved_at_ms', now, 'checked_at_ms', now, 'sha256', ARGV[4])
if ARGV[8] == '' or revision - 1 ~= tonumber(ARGV[7]) then
  -- Nobody can go on over the gap.
  redis.call('DEL', key('diffs'))
else
  redis.call('RPUSH', key('diffs'), '{"type":"diff","since":' .. integer(revision - 1) .. ',"revision":'
    .. integer(revision) .. ',"data":' .. ARGV[8] .. '}')
  redis.call('LTRIM', key('diffs'), -ARGV[11], -1)
end
local head = '"revision":' .. integer(revision) .. ',"at":' .. now
redis.call('XADD', key('events'), 'MAXLEN', '~', ARGV[9], '*', 'event',
  '{"type":"network",' .. head .. ',"change":' .. ARGV[6] .. '}')
for i = 12, #ARGV do
  redis.call('LPUSH', key('gone'), '{' .. head .. ',"peer":' .. ARGV[i] .. '}')
end
redis.call('LTRIM', key('gone'), 0, ARGV[10] - 1)
return revision
