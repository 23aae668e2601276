-- Tells what a further revision of the Network has changed, or nothing. The Network itself is written later.
-- ARGV: owner, token, since which revision, what changed in brief (JSON), in full (JSON, or empty if that is too much),
-- the most events, the most peers that are remembered as gone, the most diffs, then the peers that went, each as JSON.
-- Returns the new revision (0 if the lock is another's by now) and the time (ms).
local now = now_ms()
if redis.call('GET', key('lock')) ~= ARGV[2] .. ' ' .. ARGV[1] then return { 0, now } end
local before = told()
local revision = before + 1
redis.call('HSET', key('meta'), 'told', integer(revision))
if ARGV[5] == '' or before ~= tonumber(ARGV[3]) then
  -- Nobody can go on over the gap.
  redis.call('DEL', key('diffs'))
else
  redis.call('RPUSH', key('diffs'), '{"type":"diff","since":' .. integer(before) .. ',"revision":'
    .. integer(revision) .. ',"data":' .. ARGV[5] .. '}')
  redis.call('LTRIM', key('diffs'), -ARGV[8], -1)
end
local head = '"revision":' .. integer(revision) .. ',"at":' .. integer(now)
redis.call('XADD', key('events'), 'MAXLEN', '~', ARGV[6], '*', 'event',
  '{"type":"network",' .. head .. ',"change":' .. ARGV[4] .. '}')
for i = 9, #ARGV do
  redis.call('LPUSH', key('gone'), '{' .. head .. ',"peer":' .. ARGV[i] .. '}')
end
redis.call('LTRIM', key('gone'), 0, ARGV[7] - 1)
return { revision, now }
