-- Raises and clears alarms, and tells followers of those that were not on, or were, before. Alarms that nobody speaks of
-- any more fade.
-- ARGV: how long they stay on without a word (ms), the most events, then for each `raise` or `clear`, its name, and what
-- it says as members of a JSON object.
local now = integer(now_ms())
local function tell(kind, text)
  redis.call('XADD', key('events'), 'MAXLEN', '~', ARGV[2], '*', 'event', '{"type":"' .. kind .. '","at":' .. now .. ',' .. text .. '}')
end
for i = 3, #ARGV, 3 do
  local name, text = ARGV[i + 1], ARGV[i + 2]
  if ARGV[i] == 'clear' then
    if redis.call('HDEL', key('alarms'), name) == 1 then tell('cleared', text) end
  elseif redis.call('HSETNX', key('alarms'), name, '{"since":' .. now .. ',' .. text .. '}') == 1 then
    tell('raised', text)
  end
end
redis.call('PEXPIRE', key('alarms'), ARGV[1])
