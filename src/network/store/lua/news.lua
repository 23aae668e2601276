-- What is new of the Network. ARGV: the revision that is known, 0 if none is.
-- Returns the revision that was told last and that of the Network as it is written (both 0 if there is no Network), the
-- id of the last event, the alarms that are on, and what the last revisions have changed, as far as they came after the
-- known one.
local known, revision, written = tonumber(ARGV[1]), 0, 0
if redis.call('EXISTS', network) == 1 then revision, written = told(), meta('revision') end
local last = redis.call('XREVRANGE', key('events'), '+', '-', 'COUNT', 1)
local first = (known > 0 and revision > known) and known - revision or 0
local diffs = (revision == 0 or revision == known) and {} or redis.call('LRANGE', key('diffs'), integer(first), -1)
return { revision, written, last[1] and last[1][1] or '0-0', redis.call('HVALS', key('alarms')), diffs }
