-- Ends the epoch if it is over, and begins the next if that is due.
-- ARGV: epoch, epoch_ms, 1 if the caller wants no further one, keep_ms.
-- It is over when every part is idle and no inbox holds anything; when twice its time has passed it is over anyway, unless
-- no further one is wanted: then only being done ends it. Returns the last closed epoch and the present one.
local epoch, length, last, keep = ARGV[1] + 0, ARGV[2] + 0, ARGV[3] == '1', ARGV[4]
local present, closed = number('about', 'epoch'), number('about', 'closed')
if present ~= epoch then return { closed, present } end
local now = now_ms()
local age = now - number('about', 'started_at')
if age < 0 then
  -- The clock was set back: the epoch shall not last until it has caught up.
  redis.call('HSET', key('about'), 'started_at', integer(now))
  age = 0
end
if closed < epoch then
  local done = true
  for part = 0, PARTS - 1 do
    local state = redis.call('HGET', key('states'), part)
    local here = state == ARGV[1] .. ' idle' or state == ARGV[1] .. ' tracked'
    if not here or redis.call('EXISTS', key('inbox:' .. part)) == 1 then done = false end
  end
  if (done and (last or age >= length)) or (age >= 2 * length and not last) then
    closed = epoch
    redis.call('HSET', key('about'), 'closed', ARGV[1])
    redis.call('HSET', key('epoch:' .. ARGV[1]), 'started_at', integer(now - age), 'closed_at', integer(now))
  end
end
if closed == epoch and age >= length and not last then
  present = epoch + 1
  redis.call('HSET', key('about'), 'epoch', integer(present), 'started_at', integer(now))
  keep_for(keep)
end
return { closed, present }
