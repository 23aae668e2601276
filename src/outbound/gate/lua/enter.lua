-- Whether an endpoint may be called now.
-- ARGV: endpoint, how long a trial may take before another is made (ms), the longest wait for somebody else's trial (ms).
-- Returns a word and a number: free 0 (nothing is known of it), known 0, trial and its number, busy and the wait in ms,
-- open and the wait in ms.
local name = key(endpoint)
local said = redis.call('HMGET', name, 'seen', 'not_before', 'open_until', 'trial_until')
if not said[1] then return { 'free', 0 } end
local now = now_ms()
local not_before, open_until, trial_until = tonumber(said[2] or 0), tonumber(said[3] or 0), tonumber(said[4] or 0)
if not_before > now then return { 'busy', not_before - now } end
if open_until == 0 then return { 'known', 0 } end
if open_until > now then return { 'open', open_until - now } end
if trial_until > now then return { 'open', math.min(trial_until - now, ARGV[3] + 0) } end
redis.call('HSET', name, 'trial_until', integer(now + ARGV[2]))
-- It lives on for as long as the trial may take: who is waited for must not be forgotten.
if redis.call('PTTL', name) < ARGV[2] + 0 then redis.call('PEXPIRE', name, ARGV[2]) end
return { 'trial', redis.call('HINCRBY', name, 'trial', 1) }
