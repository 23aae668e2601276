-- What is known of an endpoint; changes nothing.
-- ARGV: endpoint, window (ms).
-- Returns closed, open or trial; answered and failed calls in the window; trips in a row; ms to stay away, ms to stay open.
local said = redis.call('HMGET', key(endpoint), 'not_before', 'open_until', 'trips', 'slices')
local now = now_ms()
local not_before, open_until = tonumber(said[1] or 0), tonumber(said[2] or 0)
local _, answered, failed = slices_of(said[4], math.floor(now / (ARGV[2] / SLICES)))
local state = 'closed'
if open_until > 0 then state = open_until > now and 'open' or 'trial' end
return { state, answered, failed, tonumber(said[3] or 0), math.max(0, not_before - now), math.max(0, open_until - now) }
