-- Writes the Network of a revision that was told, in place of that of an earlier one, and all that belongs to it.
-- ARGV: owner, token, revision, when it was told (ms), Network (JSON), its digest, reporters (JSON), the most events.
-- Returns 1, or 0 if the lock is another's by now.
if redis.call('GET', key('lock')) ~= ARGV[2] .. ' ' .. ARGV[1] then return 0 end
-- One that was on its way for long may come late. That it was right is known of the moment when it was told.
if tonumber(ARGV[3]) > meta('revision') then
  redis.call('SET', network, ARGV[5])
  redis.call('SET', key('reporters'), ARGV[7])
  redis.call('HSET', key('meta'), 'revision', ARGV[3], 'saved_at_ms', ARGV[4], 'checked_at_ms', ARGV[4], 'sha256', ARGV[6])
  redis.call('XADD', key('events'), 'MAXLEN', '~', ARGV[8], '*', 'event',
    '{"type":"saved","revision":' .. ARGV[3] .. ',"at":' .. integer(now_ms()) .. '}')
end
return 1
