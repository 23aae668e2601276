-- Whose turn it is to take down how everything stands: the first who asks in a step has it.
--
-- ARGV: step in ms, then per ring: name, steps that one of its own has, how many of those it holds.
-- Returns {0, ms until the next step}, or {step, ms until the next, the last totals or '', per ring: what stands there}.
local length = tonumber(ARGV[1])
local at = now_ms()
local step = math.floor(at / length)
local rest = length - at % length
local history = shard .. 'history'
local head = tonumber(redis.call('HGET', history, 'head') or '0')
-- A clock that was set back must not end the history.
if head >= step and head <= step + 2 then return { 0, rest } end
redis.call('HSET', history, 'head', integer(step))
local answer = { step, rest, redis.call('HGET', history, 'last') or '' }
for i = 2, #ARGV, 3 do
  local slot = math.floor(step / ARGV[i + 1]) % ARGV[i + 2]
  answer[#answer + 1] = redis.call('HGET', history .. ':' .. ARGV[i], integer(slot)) or ''
end
return answer
