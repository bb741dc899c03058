-- Fragment: what equal creates of one API key did lately, for SDKs that retry without a key.
-- The value is lines `kind id number until_ms`, oldest first:
--   j job   highest try it answered   a job nobody has fetched yet
--   x op    try                       a refusal that the SDK retries
--   d op    try                       such a refusal, consumed: a late copy of it is known
--   c op    0                         this operation consumed a refusal: it is a new create
--   p op    job                       this operation was answered with that job
-- Only the newest are kept: a request that is repeated without end must not make itself slow.
local TRY_MS, OP_MS, RECORDS_MAX = 900000, 150000, 256

local function recall(text)
  local records = {}
  for kind, id, number, ends in string.gmatch(text or '', '(%a) (%S+) (%S+) (%d+)') do
    if tonumber(ends) > now_ms then records[#records + 1] = {kind, id, number, ends} end
  end
  return records
end

local function add_record(records, kind, id, number, life_ms)
  records[#records + 1] = {kind, id, number, string.format('%.0f', now_ms + life_ms)}
end

local function keep_records(key, records)
  local lines = {}
  for i = math.max(1, #records - RECORDS_MAX + 1), #records do
    lines[#lines + 1] = table.concat(records[i], ' ')
  end
  if #lines == 0 then
    redis.call('DEL', key)
  else
    redis.call('SET', key, table.concat(lines, '\n'), 'PX', TRY_MS)
  end
end

-- The job that answers try `try` of operation `op`, nil for a new create. Changes `records`.
local function earlier_job(records, op, try)
  for _, record in ipairs(records) do
    if record[2] == op and record[1] == 'p' then return record[3] end
    if record[2] == op and record[1] == 'c' then return nil end
  end
  for i, record in ipairs(records) do
    if record[1] == 'x' and tonumber(record[3]) == try - 1 then
      record[1] = 'd'
      add_record(records, 'c', op, '0', OP_MS)
      return nil
    end
  end
  for i = #records, 1, -1 do
    local record = records[i]
    if record[1] == 'j' and tonumber(record[3]) < try then
      record[3] = tostring(try)
      add_record(records, 'p', op, record[2], OP_MS)
      return record[2]
    end
  end
  return nil
end

-- Forget the refusals of an operation, which ends otherwise now.
local function drop_refusals(records, op)
  for i = #records, 1, -1 do
    if records[i][1] == 'x' and records[i][2] == op then table.remove(records, i) end
  end
end
