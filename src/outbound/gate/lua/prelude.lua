-- What every script of the gate begins with. KEYS[1] is `{etlas:<shard>}:outbound:`, so one call sees one Cluster slot.
-- ARGV[1] is an endpoint. All times come from Redis itself.
local endpoint = ARGV[1]
local hosts = KEYS[1] .. 'hosts'

local function key(name) return KEYS[1] .. 'host:' .. name end

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- A whole number as text: Redis would print a Lua number with 17 digits.
local function integer(n) return string.format('%.0f', n) end

-- The window is ten slices, each `number:answered:failed`; those that it has left behind are dropped.
local SLICES = 10
local function slices_of(packed, newest)
  local slices, answered, failed = {}, 0, 0
  for number, a, f in string.gmatch(packed or '', '(%d+):(%d+):(%d+)') do
    number, a, f = tonumber(number), tonumber(a), tonumber(f)
    if number > newest - SLICES and number <= newest then
      slices[#slices + 1] = { number, a, f }
      answered, failed = answered + a, failed + f
    end
  end
  return slices, answered, failed
end
