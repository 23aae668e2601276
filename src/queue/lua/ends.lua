-- How jobs end in one call: `finish` writes a job's last status (false if there is no such job any more), `index` enters all of them into the indexes of finished
-- jobs, by when they ended. Their keys have no expiry of their own: it would leave members of indexes behind that nobody
-- could assign any more. `kept_success` and `kept` are how long jobs can be read afterwards, in ms; `own` is what the job
-- itself asked for, or 0. Jobs that are kept equally long share a set, so that the first of it is the first to go; those
-- with a time of their own share another, and `expiry` knows theirs.
local function finisher(at, kept_success, kept)
  local finished_at, score = iso(at), integer(at)
  local expiries, places, names, groups = {}, { [true] = {}, [false] = {} }, {}, {}
  local enter, index = scores()

  -- Each made once a call: a text a job costs time.
  local function place(platform, status, is_own)
    local of_platform = places[is_own][platform]
    if not of_platform then
      of_platform = {}
      places[is_own][platform] = of_platform
    end
    if not of_platform[status] then
      local name = platform .. ':' .. status .. ':' .. (is_own and 'own' or status == 'succeeded' and kept_success or kept)
      names[name] = true
      of_platform[status] = shard .. 'done:' .. name
    end
    return of_platform[status]
  end

  local function finish(id, key, platform, status, own, error, ...)
    local keep = own > 0 and own or tonumber(status == 'succeeded' and kept_success or kept)
    local expires = expiries[keep]
    if not expires then
      expires = { iso(at + keep), integer(at + keep) }
      expiries[keep] = expires
    end
    local new = redis.call('HSET', key, 'status', status, 'finished_at', finished_at, 'expires_at', expires[1], ...)
    if new == 3 + select('#', ...) / 2 then
      -- Not even the status was there: somebody else's hand has deleted the job, and so it stays.
      redis.call('DEL', key)
      return false
    end
    enter(place(platform, status, own > 0), score, id)
    if own > 0 then enter(shard .. 'expiry', expires[2], id) end
    if error then
      redis.call('HSET', key, 'error', error)
      local group = group_of(error, platform, status)
      if group then
        enter(shard .. 'error:' .. group, score, id)
        groups[group] = true
      end
    end
    return true
  end

  local function write()
    for name in pairs(names) do redis.call('SADD', shard .. 'done', name) end
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
