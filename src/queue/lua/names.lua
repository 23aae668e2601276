-- Distinct names of an index whose members are "<name>\0<job id>", in order, from those on that begin with a text.
--
-- ARGV: index, beginning, limit. Returns the names. Each costs one look, however many jobs have it.
local index, beginning, limit = shard .. ARGV[1], ARGV[2], tonumber(ARGV[3])
local names = {}
local from = '[' .. beginning
while #names < limit do
  local first = redis.call('ZRANGEBYLEX', index, from, '+', 'LIMIT', 0, 1)[1]
  if not first or string.sub(first, 1, #beginning) ~= beginning then break end
  local name = string.sub(first, 1, -38)
  names[#names + 1] = name
  -- No name has control characters.
  from = '[' .. name .. '\1'
end
return names
