-- Deletes a request and all that belongs to it.
--
-- ARGV: id. Returns how many keys there were.
local key = request(ARGV[1])
local keys = { key }
for _, field in ipairs(redis.call('HKEYS', key)) do
  local name = string.match(field, '^status:(.*)$')
  if name then keys[#keys + 1] = key .. ':result:' .. name end
end
redis.call('ZREM', part .. 'requests', ARGV[1])
redis.call('ZREM', part .. 'requests:due', ARGV[1])
return redis.call('UNLINK', unpack(keys))
