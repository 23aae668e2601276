-- What every script about requests begins with. KEYS[1] is the prefix of one part, `{etlas:<part>}:`; every key that a
-- script touches is that and a name. All times come from Redis itself.
local part = KEYS[1]
local over = { DONE = true, FAILED = true, EXPIRED = true }

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- A whole number as text: Lua would write a large one with an exponent.
local function integer(n) return string.format('%.0f', n) end

local now = now_ms()
local stamp = integer(now)

local function request(id) return part .. 'request:' .. id end

-- A word, the time, and the request as it stands.
local function tell(word, key) return { word, now, redis.call('HGETALL', key) } end
