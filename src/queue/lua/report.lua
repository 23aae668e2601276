-- What running jobs say: progress, metadata, log lines, dataset rows. Refused unless the job runs under the lease.
--
-- ARGV: max_events, max_log_lines, max_dataset bytes, sanjer, number of the call, then per report: id, lease, kind,
--   number of values, values…
--   progress: fraction, message as text, event JSON · metadata: the whole object as JSON · log: lines, each JSON
--   checkpoint: JSON · resumed: nothing · original | processed: rows, each JSON
-- Returns per report: 1 written, 0 refused. A call whose number is that of the sanjer's last one is that call again,
-- because its answer was lost: nothing is written twice.
local max_events, max_log, max_dataset = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local sanjer, number = ARGV[4], ARGV[5]
local stamp = iso(now_ms())
local written = redis.call('HGET', shard .. 'sanjer:' .. sanjer, 'reported') == number
local answers = {}

local function append_log(id, key, first, last)
  local log = key .. ':log'
  for i = first, last do
    redis.call('RPUSH', log, ARGV[i])
    event({ id }, ARGV[i])
  end
  redis.call('LTRIM', log, -max_log, -1)
  redis.call('HINCRBY', key, 'log_lines', last - first + 1)
end

-- The field beside a dataset counts it: {lease, rows, kept, bytes}. The first rows of a lease replace those of an
-- earlier one, so that a second run does not double them.
local function append_rows(key, tag, lease, first, last)
  local list = key .. ':' .. tag
  local count = redis.call('HGET', key, tag)
  count = count and cjson.decode(count) or { lease = lease }
  if count.lease ~= lease or not count.rows then
    redis.call('UNLINK', list)
    count = { lease = lease, rows = 0, kept = 0, bytes = 0 }
  end
  for i = first, last do
    count.rows = count.rows + 1
    if count.kept == count.rows - 1 and count.bytes + #ARGV[i] <= max_dataset then
      redis.call('RPUSH', list, ARGV[i])
      count.kept = count.kept + 1
      count.bytes = count.bytes + #ARGV[i]
    end
  end
  redis.call('HSET', key, tag, cjson.encode(count))
end

-- Where a job is, and how many rows it had then: `{lease, bytes, at, original?, processed?}` beside the checkpoint.
local function save(key, lease, checkpoint)
  redis.call('SET', key .. ':checkpoint', checkpoint)
  local about = '{"lease":' .. lease .. ',"bytes":' .. #checkpoint .. ',"at":"' .. stamp .. '"'
  for _, tag in ipairs({ 'original', 'processed' }) do
    local count = redis.call('HGET', key, tag)
    if count and cjson.decode(count).lease == tonumber(lease) then about = about .. ',"' .. tag .. '":' .. count end
  end
  redis.call('HSET', key, 'checkpoint', about .. '}')
end

-- A run that goes on from a checkpoint has the rows of then, and no others.
local function resume(key, lease)
  local about = cjson.decode(redis.call('HGET', key, 'checkpoint') or '{}')
  for _, tag in ipairs({ 'original', 'processed' }) do
    local count = about[tag]
    if count then
      redis.call('LTRIM', key .. ':' .. tag, 0, count.kept - 1)
      if count.kept == 0 then redis.call('DEL', key .. ':' .. tag) end
      count.lease = tonumber(lease)
      redis.call('HSET', key, tag, cjson.encode(count))
    end
  end
end

local function write(kind, id, key, lease, first, last)
  if kind == 'progress' then
    redis.call('HSET', key, 'progress', ARGV[first], 'message', ARGV[first + 1])
    event({ id }, ARGV[first + 2])
  elseif kind == 'metadata' then
    redis.call('HSET', key, 'metadata', ARGV[first])
  elseif kind == 'log' then
    append_log(id, key, first, last)
  elseif kind == 'checkpoint' then
    save(key, lease, ARGV[first])
  elseif kind == 'resumed' then
    resume(key, lease)
  else
    append_rows(key, kind, tonumber(lease), first, last)
  end
end

local i = 6
while i <= #ARGV do
  local id, lease, kind, n = ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3])
  local first, last = i + 4, i + 3 + n
  i = last + 1
  local key = job_key(id)
  local job = redis.call('HMGET', key, 'lease', 'status', 'sanjer')
  if not is_under(job[1], job[3], lease, sanjer) or job[2] ~= 'running' then
    redis.call('HINCRBY', shard .. 'counters', 'refused_writes', 1)
    answers[#answers + 1] = 0
  else
    if not written then write(kind, id, key, lease, first, last) end
    answers[#answers + 1] = 1
  end
end
-- What a dead sanjer still says is refused above; its hash must not come back.
if not redis.call('ZSCORE', shard .. 'tombstones', sanjer) then
  redis.call('HSET', shard .. 'sanjer:' .. sanjer, 'reported', number)
end
send_events(max_events)
return answers
