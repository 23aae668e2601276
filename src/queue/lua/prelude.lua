-- What every script begins with. KEYS[1] is the shard's prefix, `{etlas:<shard>}:`; every key a script touches
-- is that prefix plus a name, so one call sees one Cluster slot. All times come from Redis itself: hosts whose
-- clocks differ still agree on leases.
local shard = KEYS[1]

local function job_key(id) return shard .. 'job:' .. id end

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- A whole number as text. Redis would print a Lua number with 17 digits, which is slow, a thousand times a call.
local function integer(n) return string.format('%.0f', n) end

-- ISO 8601, UTC, milliseconds (Howard Hinnant's days-to-civil; the sandbox has no os.date).
local function iso(ms)
  local days = math.floor(ms / 86400000)
  local rest = ms - days * 86400000
  local z = days + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local day = doy - math.floor((153 * mp + 2) / 5) + 1
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', year, month, day, math.floor(rest / 3600000),
    math.floor(rest / 60000) % 60, math.floor(rest / 1000) % 60, rest % 1000)
end

-- And back (days from civil, by the same author).
local function ms_of(stamp)
  local year, month, day, hour, minute, second = string.match(stamp, '(%d+)-(%d+)-(%d+)T(%d+):(%d+):([%d.]+)Z')
  year = month + 0 <= 2 and year - 1 or year + 0
  local era = math.floor(year / 400)
  local yoe = year - era * 400
  local doy = math.floor((153 * (month + (month + 0 > 2 and -3 or 9)) + 2) / 5) + day - 1
  local days = era * 146097 + yoe * 365 + math.floor(yoe / 4) - math.floor(yoe / 100) + doy - 719468
  return ((days * 24 + hour) * 60 + minute) * 60000 + math.floor(second * 1000 + 0.5)
end

-- Events of one call go out as one stream entry: field = event JSON, value = the ids of the jobs it is about, parted
-- by spaces. One XADD a batch, and jobs that go the same way in one call share their event.
local events, alike = {}, {}

local function event(ids, json)
  events[#events + 1] = json
  events[#events + 1] = ids
end

-- The event of a new status; `more` is further JSON members, each with its leading comma.
local function status_event(id, status, attempt, lease, stamp, more)
  more = more or ''
  local kind = status .. attempt .. ' ' .. lease .. more
  local ids = alike[kind]
  if ids then
    ids[#ids + 1] = id
  else
    ids = { id }
    alike[kind] = ids
    event(ids, '{"type":"status","status":"' .. status .. '","attempt":' .. attempt .. ',"lease":' .. lease
      .. ',"at":"' .. stamp .. '"' .. more .. '}')
  end
end

local function send_events(max)
  if #events == 0 then return end
  for i = 2, #events, 2 do events[i] = table.concat(events[i], ' ') end
  -- Callers bound their batches; 2,000 values stay far below what unpack can carry.
  redis.call('XADD', shard .. 'events', 'MAXLEN', '~', max, '*', unpack(events))
end

-- Tells idle sanjers of a pool that there is work, if any said they are idle.
local function wake(lane, pool)
  local name = lane .. ':' .. pool
  if redis.call('DEL', shard .. 'hungry:' .. name) == 1 then redis.call('PUBLISH', 'etlas:wake:' .. name, '') end
end

-- Whether a job runs, or ran last, under this claim: by its lease; and by its sanjer, for a replica that took over may have
-- forgotten a claim, and gives its number to the next one.
local function is_under(job_lease, job_sanjer, lease, sanjer) return job_lease == lease and job_sanjer == sanjer end

-- The member of `held:<sanjer>` for a job that runs under a lease, and whose it is: what one look at the set tells of a whole
-- batch need not be looked up in every job.
local function holding(id, lease) return id .. ' ' .. lease end
local function id_of(held) return string.sub(held, 1, 36) end

-- Where a job waits: suspects of a shared process's death wait in a lane of their own, for a process of one slot.
local function lane_of(suspect) return suspect == '1' and 'alone' or 'queue' end

-- Puts a running job back where it stood: its place follows from when it was queued. `woken` collects the queues to
-- wake once the batch is done.
local function put_back(id, pool, suspect, window, woken)
  local key, lane = job_key(id), lane_of(suspect)
  local queued = redis.call('HMGET', key, 'queued_at', 'priority')
  redis.call('ZADD', shard .. lane .. ':' .. pool, integer(ms_of(queued[1]) - (queued[2] or 0) * window), id)
  redis.call('HSET', key, 'status', 'queued')
  woken[lane .. ' ' .. pool] = { lane, pool }
end

-- Whether a job of this status waits: for a free slot, or for a time to come.
local function waits(status)
  return status == 'queued' or status == 'scheduled' or status == 'retrying' or status == 'snoozed'
end

-- Takes a job that waits out of wherever it does.
local function leave_queues(id, pool)
  for _, place in ipairs({ 'queue:', 'alone:', 'delayed:' }) do redis.call('ZREM', shard .. place .. pool, id) end
end

local function wake_all(woken)
  for _, queue in pairs(woken) do wake(queue[1], queue[2]) end
end

-- Members and scores for one ZADD a key instead of one a job.
local function scores()
  local keys = {}

  local function add(key, score, member)
    local entries = keys[key]
    if not entries then
      entries = {}
      keys[key] = entries
    end
    entries[#entries + 1] = score
    entries[#entries + 1] = member
  end

  local function write()
    for key, entries in pairs(keys) do redis.call('ZADD', key, unpack(entries)) end
  end

  return add, write
end

-- A number among the options of a job, if it is there: `options` is JSON without nesting.
local function option(options, name)
  return options and tonumber(string.match(options, '"' .. name .. '":(%d+)'))
end

-- What happened, by pool: runs that ended (`runs`), by outcome; and ends of jobs that no run's outcome brought about
-- (`ended`), by status. One command a kind and call, however many jobs.
local counts

local function count(kind, pool, what)
  counts = counts or {}
  local field = kind .. ':' .. pool .. ':' .. what
  counts[field] = (counts[field] or 0) + 1
end

local function write_counts()
  if not counts then return end
  for field, n in pairs(counts) do redis.call('HINCRBY', shard .. 'counters', field, n) end
end

-- Where a job was is of no use once it has ended.
local function drop_checkpoint(key)
  redis.call('UNLINK', key .. ':checkpoint')
  redis.call('HDEL', key, 'checkpoint')
end

-- Remembers a run that ended while its job goes on: a JSON line a run, the newest last, the oldest of too many gone.
local MAX_HISTORY = 20
local function remember(key, outcome, stamp, error)
  local run = redis.call('HMGET', key, 'history', 'lease', 'attempt', 'sanjer', 'started_at')
  local line = '{"lease":' .. run[2] .. ',"attempt":' .. run[3] .. ',"sanjer":"' .. (run[4] or '') .. '","started_at":"'
    .. (run[5] or '') .. '","ended_at":"' .. stamp .. '","outcome":"' .. outcome .. '"'
    .. (error and ',"error":' .. error or '') .. '}'
  local history = run[1] and run[1] .. '\n' .. line or line
  local _, breaks = string.gsub(history, '\n', '')
  if breaks >= MAX_HISTORY then history = string.sub(history, string.find(history, '\n', 1, true) + 1) end
  redis.call('HSET', key, 'history', history)
end
