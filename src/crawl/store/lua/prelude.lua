-- What every script of the crawl begins with. KEYS[1] is what every key of one network begins with,
-- `{etlas:<shard>}:crawl:<network>:`, so one call sees one Cluster slot. All times come from Redis itself.
local network = KEYS[1]

-- Node ids are parted by their first hexadecimal digit.
local PARTS = 16

local function key(name) return network .. name end

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- A whole number as text: Redis would print a Lua number with 17 digits.
local function integer(n) return string.format('%.0f', n) end

local function number(hash, field) return tonumber(redis.call('HGET', key(hash), field) or 0) end

-- Nothing outlives the time for which a network is kept once nobody crawls it any more.
local function keep_for(ms)
  for _, name in ipairs({ 'about', 'members', 'metrics', 'owners', 'fences', 'flushed', 'states', 'sessions', 'events' }) do
    redis.call('PEXPIRE', key(name), ms)
  end
  for part = 0, PARTS - 1 do
    for _, name in ipairs({ 'nodes:', 'neighbours:', 'history:', 'candidates:', 'gone:', 'inbox:' }) do
      redis.call('PEXPIRE', key(name .. part), ms)
    end
  end
end
