-- Takes the lock of the aggregator, or holds it for longer; also forgets nodes that are over.
-- ARGV: owner, lease_ms, 1 if the caller has checked the Network since it last said so.
-- Returns now, the token (0 if another holds the lock), the revision that was told last, and that of the Network as it is
-- written (0 if there is none).
local owner, now = ARGV[1], now_ms()
local held = redis.call('GET', key('lock'))
local token
if not held then
  token = redis.call('HINCRBY', key('meta'), 'fence', 1)
elseif string.match(held, '^%d+ (.*)$') == owner then
  token = tonumber(string.match(held, '^%d+'))
end
if token then
  redis.call('SET', key('lock'), integer(token) .. ' ' .. owner, 'PX', ARGV[2])
  if ARGV[3] == '1' then redis.call('HSET', key('meta'), 'checked_at_ms', integer(now)) end
  local over = redis.call('ZRANGEBYSCORE', key('nodes'), '-inf', '(' .. integer(now), 'LIMIT', 0, 100)
  if #over > 0 then redis.call('ZREM', key('nodes'), unpack(over)) end
end
return { now, token or 0, told(), redis.call('EXISTS', network) == 1 and meta('revision') or 0 }
