-- Everything that belongs to one revision of the Network.
-- Returns it (empty if there is none), its revision, when it was saved and last checked (ms since 1970), its reporters,
-- the id of the last event, and the alarms that are on.
local last = redis.call('XREVRANGE', key('events'), '+', '-', 'COUNT', 1)
return {
  redis.call('GET', network) or '', meta('revision'), meta('saved_at_ms'), meta('checked_at_ms'),
  redis.call('GET', key('reporters')) or '{}', last[1] and last[1][1] or '0-0', redis.call('HVALS', key('alarms')),
}
