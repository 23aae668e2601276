-- What finished jobs, and jobs with something rare about them, are found by. A plain job is in the set of its platform and,
-- once it has ended, in that of its platform and status; the other sets hold only jobs that have what they are about, and
-- forget it with the job. Members of `labels` and `clients` are "<name>\0<job id>": one key whatever clients think of, and
-- a name's jobs are a range of it, ordered by id.

local function named(name, id) return name .. '\0' .. id end

-- The labels among the options of a job: JSON, and no label has a quote or a bracket.
local function labels_of(options)
  local labels = {}
  local list = options and string.match(options, '"labels":%[([^%]]*)%]')
  for label in string.gmatch(list or '', '"([^"]+)"') do labels[#labels + 1] = label end
  return labels
end

-- Of which of these ends one wants to know the reasons in groups.
local FAILS = { failed = true, timed_out = true, dead = true }

-- The group of a failure: its error is JSON that begins with class and code.
local function group_of(error, platform, status)
  if not error or not FAILS[status] then return nil end
  local code = string.match(error, '^{"class":"[^"]*","code":"([%w_.-]+)"')
  if not code or #code > 64 then code = 'other' end
  return code .. ':' .. platform .. ':' .. status
end

-- How jobs end in one call: `finish` writes a job's last status, `index` enters all of them into the indexes of finished
-- jobs, by when they ended. Their keys have no expiry of their own: it would leave members of indexes behind that nobody
-- could assign any more. `kept_success` and `kept` are how long jobs can be read afterwards, in ms; `own` is what the job
-- itself asked for, or 0. Jobs that are kept equally long share a set, so that the first of it is the first to go; those
-- with a time of their own share another, and `expiry` knows theirs.
local function finisher(at, kept_success, kept)
  local finished_at, score = iso(at), integer(at)
  local expiries, places, groups = {}, {}, {}
  local enter, index = scores()

  local function place(platform, status, keep)
    local name = platform .. ':' .. status .. ':' .. keep
    if not places[name] then places[name] = shard .. 'done:' .. name end
    return places[name]
  end

  local function finish(id, key, platform, status, own, error, ...)
    local default = status == 'succeeded' and kept_success or kept
    local keep = own > 0 and own or tonumber(default)
    local expires = expiries[keep]
    if not expires then
      expires = { iso(at + keep), integer(at + keep) }
      expiries[keep] = expires
    end
    redis.call('HSET', key, 'status', status, 'finished_at', finished_at, 'expires_at', expires[1], ...)
    if own > 0 then
      enter(place(platform, status, 'own'), score, id)
      enter(shard .. 'expiry', expires[2], id)
    else
      enter(place(platform, status, default), score, id)
    end
    if error then
      redis.call('HSET', key, 'error', error)
      local group = group_of(error, platform, status)
      if group then
        enter(shard .. 'error:' .. group, score, id)
        groups[group] = true
      end
    end
  end

  local function write()
    for name in pairs(places) do redis.call('SADD', shard .. 'done', name) end
    for group in pairs(groups) do redis.call('ZADD', shard .. 'errors', 0, group) end
    index()
  end

  return finish, write
end

-- The same for one job that did not succeed: what its options say holds, and its checkpoint goes.
local function finish_otherwise(finish, id, key, platform, status, error, ...)
  local own = option(redis.call('HGET', key, 'options'), 'retention_s') or 0
  finish(id, key, platform, status, own * 1000, error, ...)
  drop_checkpoint(key)
end

-- Deletes a finished job that stands in the set `done:<name>`: hash, datasets, log and index members together.
local function forget(id, name)
  local key = job_key(id)
  local platform, status = string.match(name, '^([^:]+):([^:]+):')
  local job = redis.call('HMGET', key, 'options', '_id', 'error')
  if job[1] then
    if option(job[1], 'queue_ttl_s') then redis.call('ZREM', shard .. 'ttl', id) end
    if option(job[1], 'retention_s') then redis.call('ZREM', shard .. 'expiry', id) end
    for _, label in ipairs(labels_of(job[1])) do redis.call('ZREM', shard .. 'labels', named(label, id)) end
  end
  if job[2] then redis.call('ZREM', shard .. 'clients', named(job[2], id)) end
  local group = job[3] and group_of(job[3], platform, status)
  if group then
    redis.call('ZREM', shard .. 'error:' .. group, id)
    if redis.call('EXISTS', shard .. 'error:' .. group) == 0 then redis.call('ZREM', shard .. 'errors', group) end
  end
  redis.call('ZREM', shard .. 'platform:' .. platform, id)
  redis.call('UNLINK', key, key .. ':log', key .. ':original', key .. ':processed', key .. ':checkpoint')
  redis.call('ZREM', shard .. 'done:' .. name, id)
end

-- Names of sets of finished jobs that are empty now go.
local function forget_names(names)
  for name in pairs(names) do
    if redis.call('EXISTS', shard .. 'done:' .. name) == 0 then redis.call('SREM', shard .. 'done', name) end
  end
end

-- In which set of finished jobs one stands, from its platform, status, options, finished_at and expires_at.
local function place_of(platform, status, options, finished_at, expires_at)
  local keep = option(options, 'retention_s') and 'own' or integer(ms_of(expires_at) - ms_of(finished_at))
  return platform .. ':' .. status .. ':' .. keep
end
