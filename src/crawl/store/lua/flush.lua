-- Writes what has changed in one part of the id space, all of it or nothing. It is refused if the part belongs to another
-- by now; sent twice, it counts once.
-- ARGV: part, fence, number of this flush, epoch, state (busy, idle or tracked), keep_ms, inbox entries that were read,
-- the most records an inbox holds, the most nodes that are remembered as gone, the most events, how long an epoch's
-- counts are kept (ms), then what changed, each with its operands:
--   node ID JSON | edges ID IDS | candidate ID JSON | forget ID | gone ID JSON | history ID JSON
--   tell PART RECORD | event JSON | count NAME N | session MINUTES
-- Returns 1 if written, 0 if refused.
local part, fence, flush, epoch, state = ARGV[1], ARGV[2], ARGV[3] + 0, ARGV[4], ARGV[5]
if redis.call('HGET', key('fences'), part) ~= fence or not redis.call('HGET', key('owners'), part) then return 0 end
local last, last_fence = 0, nil
local flushed = redis.call('HGET', key('flushed'), part)
if flushed then
  last_fence, last = string.match(flushed, '(%d+) (%d+)')
  if last_fence == fence and last + 0 >= flush then return 1 end
end
redis.call('HSET', key('flushed'), part, fence .. ' ' .. integer(flush))
redis.call('HSET', key('states'), part, epoch .. ' ' .. state)

local inbox = key('inbox:' .. part)
if ARGV[7] + 0 > 0 then redis.call('LTRIM', inbox, ARGV[7], -1) end

-- Records of a node, a JSON line each, the newest last, the oldest of too many gone.
local MAX_HISTORY = 16
local function remember(id, line)
  local history = redis.call('HGET', key('history:' .. part), id)
  history = history and history .. '\n' .. line or line
  local _, breaks = string.gsub(history, '\n', '')
  if breaks >= MAX_HISTORY then history = string.sub(history, string.find(history, '\n', 1, true) + 1) end
  redis.call('HSET', key('history:' .. part), id, history)
end

local counts, counted = key('epoch:' .. epoch), false
local change = {}
function change.node(id, json)
  redis.call('HSET', key('nodes:' .. part), id, json)
  redis.call('HDEL', key('candidates:' .. part), id)
  redis.call('HDEL', key('gone:' .. part), id)
end
function change.edges(id, ids) redis.call('HSET', key('neighbours:' .. part), id, ids) end
function change.candidate(id, json) redis.call('HSET', key('candidates:' .. part), id, json) end
function change.forget(id) redis.call('HDEL', key('candidates:' .. part), id) end
function change.gone(id, json)
  redis.call('HDEL', key('nodes:' .. part), id)
  redis.call('HDEL', key('neighbours:' .. part), id)
  redis.call('HSET', key('gone:' .. part), id, json)
  if redis.call('HLEN', key('gone:' .. part)) > ARGV[9] + 0 then
    local any = redis.call('HRANDFIELD', key('gone:' .. part))
    redis.call('HDEL', key('gone:' .. part), any)
    redis.call('HDEL', key('history:' .. part), any)
  end
end
function change.history(id, line) remember(id, line) end
function change.tell(other, record)
  if redis.call('LLEN', key('inbox:' .. other)) < ARGV[8] + 0 then
    redis.call('RPUSH', key('inbox:' .. other), record)
  else
    redis.call('HINCRBY', counts, 'untold', 1)
  end
end
function change.event(json) redis.call('XADD', key('events'), 'MAXLEN', '~', ARGV[10], '*', 'event', json) end
function change.count(name, n)
  redis.call('HINCRBY', counts, name, n)
  counted = true
end
function change.session(minutes) redis.call('HINCRBY', key('sessions'), minutes, 1) end

local operands = { node = 2, edges = 2, candidate = 2, forget = 1, gone = 2, history = 2, tell = 2, event = 1, count = 2,
  session = 1 }
local i = 12
while i <= #ARGV do
  local name = ARGV[i]
  change[name](ARGV[i + 1], ARGV[i + 2])
  i = i + 1 + operands[name]
end
if counted then redis.call('PEXPIRE', counts, ARGV[11]) end
return 1
