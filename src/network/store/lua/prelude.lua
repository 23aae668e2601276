-- What every script of the Network begins with. KEYS[1] is the key of the Network itself, `<prefix>.network.v1`; every
-- other key has it as hash tag, so one call sees one Cluster slot. All times come from Redis itself.
local network = KEYS[1]

local function key(name) return '{' .. network .. '}.' .. name end

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- A whole number as text: Redis would print a Lua number with 17 digits.
local function integer(n) return string.format('%.0f', n) end

local function meta(field) return tonumber(redis.call('HGET', key('meta'), field) or 0) end

-- The revision that was told last. That of the Network as it is written is `revision`, and may be an earlier one.
local function told() return math.max(meta('told'), meta('revision')) end
