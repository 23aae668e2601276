-- The Network (empty if there is none), its revision, when it was saved and last checked (ms since 1970), of one moment.
return { redis.call('GET', network) or '', meta('revision'), meta('saved_at_ms'), meta('checked_at_ms') }
