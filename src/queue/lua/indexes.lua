-- What finished jobs, and jobs with something rare about them, are found by. A plain job is in the set of its platform and,
-- once it has ended, in that of its platform and status; the other sets hold only jobs that have what they are about, and
-- forget it with the job. Members of `labels` and `clients` are "<name>\0<job id>": one key whatever clients think of, and
-- a name's jobs are a range of it, ordered by id.

local function named(name, id) return name .. '\0' .. id end

-- The labels among the options of a job: JSON, and no label has a quote or a bracket.
local function labels_of(options)
  local labels = {}
  local list = options and string.match(options, '"labels":%[([^%]]*)%]')
  for label in string.gmatch(list or '', '"([^"]+)"') do labels[#labels + 1] = label end
  return labels
end

-- Of which of these ends one wants to know the reasons in groups.
local FAILS = { failed = true, timed_out = true, dead = true }

-- The group of a failure: its error is JSON that begins with class and code.
local function group_of(error, platform, status)
  if not error or not FAILS[status] then return nil end
  local code = string.match(error, '^{"class":"[^"]*","code":"([%w_.-]+)"')
  if not code or #code > 64 then code = 'other' end
  return code .. ':' .. platform .. ':' .. status
end
