-- Renews what one gateway holds of some limits.
--
-- KEYS: one for each limit. ARGV: the gateway, then nine words for each limit: its kind, what the
-- gateway was granted, has spent and has given back since it began, what it needs at once, what it
-- wants to hold ahead, and three words of the kind. All counts only ever grow, so that a renewal may
-- come late, twice or never. Answers with three integers for each limit: what the gateway was
-- granted since it began, what is left for all, and for how many milliseconds asking again is of no
-- use.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local gateway = ARGV[1]
local answer = {}

local function read(record)
  local granted, spent, returned, seen = string.match(record or '', '^(%d+) (%d+) (%d+) (%d+)$')
  return tonumber(granted or 0), tonumber(spent or 0), tonumber(returned or 0), tonumber(seen or 0)
end

local function write(number)
  return string.format('%.0f', number)
end

local function record(granted, spent, returned)
  return write(granted) .. ' ' .. write(spent) .. ' ' .. write(returned) .. ' ' .. write(now)
end

for place, key in ipairs(KEYS) do
  local word = 2 + (place - 1) * 9
  local function number(offset) return tonumber(ARGV[word + offset]) end
  local granted, spent, returned = number(1), number(2), number(3)
  local need, target = number(4), number(5)
  local left, wait

  if ARGV[word] == 'quota' then
    -- limit, moment of expiry in milliseconds, unused
    local fields = redis.call('HMGET', key, 'granted', 'spent', 'extra', gateway)
    local total, used = tonumber(fields[1] or 0), tonumber(fields[2] or 0)
    local known_granted, known_spent, known_returned = read(fields[4])
    granted = math.max(granted, known_granted)
    spent = math.max(spent, known_spent)
    returned = math.max(returned, known_returned)
    -- What was granted and is not known here was granted before Redis forgot, or by the gateway to
    -- itself while Redis was away.
    total = math.max(0, total + (granted - known_granted) - (returned - known_returned))
    used = used + spent - known_spent
    left = math.max(0, number(6) + tonumber(fields[3] or 0) - total)
    local gateways = math.max(1, redis.call('HLEN', key) - 2)
    local now_granted = math.min(need, left)
    -- Less and less as the end comes near, and never so much that it would be missed if the gateway
    -- were lost: a tenth of the quota.
    local share = math.floor((left - now_granted) / (2 * gateways))
    local room = math.max(1, math.floor(number(6) / 10))
    local held = granted - spent - returned
    now_granted = now_granted + math.max(0, math.min(math.min(target, room) - held, share))
    granted, total, left = granted + now_granted, total + now_granted, left - now_granted
    redis.call('HSET', key, 'granted', write(total), 'spent', write(used),
      gateway, record(granted, spent, returned))
    redis.call('PEXPIREAT', key, ARGV[word + 7])
    wait = 0
    if left == 0 then
      -- Another gateway may give some back.
      if total - used > granted - spent - returned then wait = 1000 else wait = 10000 end
    end
  else
    -- burst, rate in billionths of a token a second, most to be held ahead by all together
    local burst, rate, most = number(6), number(7) / 1e9, number(8)
    local level, at, others, gateways = burst, now, 0, 1
    local known_granted, known_spent, known_returned = 0, 0, 0
    local fields = redis.call('HGETALL', key)
    for field = 1, #fields, 2 do
      local name, value = fields[field], fields[field + 1]
      if name == 'level' then level = tonumber(value)
      elseif name == 'at' then at = tonumber(value)
      elseif name == gateway then known_granted, known_spent, known_returned = read(value)
      else
        local g, s, r, seen = read(value)
        if now - seen > 20000000 then
          -- It has long stopped to spend what it held.
          redis.call('HDEL', key, name)
        else
          others, gateways = others + g - s - r, gateways + 1
        end
      end
    end
    granted = math.max(granted, known_granted)
    spent = math.max(spent, known_spent)
    returned = math.max(returned, known_returned)
    level = level + math.max(0, now - at) * rate / 1e6 + returned - known_returned
    level = math.min(burst, level)
    local now_granted = math.min(need, math.floor(level))
    local rest = level - now_granted
    -- An even share, and not less than one of what flows in within a tenth of a second.
    local share = math.floor(math.max(rest / gateways, math.min(rest, rate * 0.1 / gateways)))
    local held = granted - spent - returned
    local room = math.min(most - others, math.floor(most / gateways)) - held
    now_granted = now_granted + math.max(0, math.min(target - held, room, share))
    granted, level = granted + now_granted, level - now_granted
    left, wait = math.floor(level), 0
    if level < 1 then
      -- As long as a token takes, and when they come fast, until there are some.
      wait = math.ceil(math.max((1 - level) / rate * 1000, math.min(100, burst / rate * 500)))
    end
    redis.call('HSET', key, 'level', string.format('%.17g', level),
      'at', write(math.max(at, now)), gateway, record(granted, spent, returned))
    redis.call('PEXPIRE', key, math.ceil(burst / rate * 1000) + 60000)
  end

  answer[#answer + 1] = granted
  answer[#answer + 1] = left
  answer[#answer + 1] = wait
end
return answer
