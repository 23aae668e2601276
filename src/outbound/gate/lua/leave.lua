-- Takes down how a call ended, and opens or closes the breaker.
-- ARGV: endpoint, how it ended (well, unwell, busy, unknown), for busy: how long to stay away (ms), the number of the trial that
-- it was (0: none), window (ms), the fewest calls that say anything, percent that must fail, how long the breaker stays
-- open (ms), endpoints that are remembered at most.
-- Returns what it became: closed, open or trial.
local ended, away, trial = ARGV[2], ARGV[3] + 0, ARGV[4]
local window, fewest, percent, open_ms, most = ARGV[5] + 0, ARGV[6] + 0, ARGV[7] + 0, ARGV[8] + 0, ARGV[9] + 0
local name, now = key(endpoint), now_ms()
local said = redis.call('HMGET', name, 'seen', 'not_before', 'open_until', 'trial_until', 'trial', 'slices')
if not said[1] then
  -- Of who is well nothing needs to be known.
  if ended == 'well' or ended == 'unknown' then return 'closed' end
  -- Those of whom nothing was heard for longest are forgotten, a few at a time if the limit was lowered.
  local excess = redis.call('ZCARD', hosts) - most + 1
  if excess > 0 then
    local old = redis.call('ZPOPMIN', hosts, math.min(excess, 8))
    for i = 1, #old, 2 do redis.call('DEL', key(old[i])) end
  end
end
redis.call('ZADD', hosts, integer(now), endpoint)
redis.call('HSET', name, 'seen', integer(now))

local not_before = tonumber(said[2] or 0)
if ended == 'busy' and now + away > not_before then
  not_before = now + away
  redis.call('HSET', name, 'not_before', integer(not_before))
end

local open_until, state = tonumber(said[3] or 0), 'closed'
if open_until > 0 then
  -- Only the trial decides: what was under way when the breaker opened comes too late.
  local is_trial = trial ~= '0' and trial == said[5] and said[4]
  if is_trial and ended == 'unwell' then
    open_until = now + open_ms
    redis.call('HSET', name, 'open_until', integer(open_until))
    redis.call('HDEL', name, 'trial_until')
    redis.call('HINCRBY', name, 'trips', 1)
  elseif is_trial and ended == 'unknown' then
    redis.call('HDEL', name, 'trial_until')
  elseif is_trial then
    open_until = 0
    redis.call('HDEL', name, 'open_until', 'trial_until', 'slices', 'trips')
  end
elseif ended == 'well' or ended == 'unwell' then
  local newest = math.floor(now / (window / SLICES))
  local slices, answered, failed = slices_of(said[6], newest)
  local last = slices[#slices]
  if not last or last[1] ~= newest then
    last = { newest, 0, 0 }
    slices[#slices + 1] = last
  end
  local which = ended == 'well' and 2 or 3
  last[which] = last[which] + 1
  if ended == 'well' then answered = answered + 1 else failed = failed + 1 end
  local packed = {}
  for i, slice in ipairs(slices) do packed[i] = integer(slice[1]) .. ':' .. integer(slice[2]) .. ':' .. integer(slice[3]) end
  redis.call('HSET', name, 'slices', table.concat(packed, ' '))
  local all = answered + failed
  if ended == 'unwell' and all >= fewest and failed * 100 >= percent * all then
    open_until = now + open_ms
    redis.call('HSET', name, 'open_until', integer(open_until))
    redis.call('HINCRBY', name, 'trips', 1)
  end
end
if open_until > 0 then state = open_until > now and 'open' or 'trial' end

local keep = window + math.max(0, not_before - now, open_until - now)
redis.call('PEXPIRE', name, integer(keep))
if redis.call('PTTL', hosts) < keep then redis.call('PEXPIRE', hosts, integer(keep)) end
return state
