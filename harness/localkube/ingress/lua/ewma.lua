-- Choose an endpoint by latency: of two random endpoints, the one with the lower moving average of response times. The
-- average decays while an endpoint gets no requests, so that a slow one is tried again. Averages are stored in memory
-- that all workers share and that survives a reload.
--
-- As in ingress-nginx, with only two endpoints the lower average gets every request, until the other one has decayed
-- below it, by a factor e in 10 s. Times are whole milliseconds. Two idle, equally fast pods therefore alternate in turns
-- of several seconds (up to 7 s measured), and one of them may get no request of a short burst.
local _M = {}
_M.__index = _M

local averages = ngx.shared.ewma
local touched = ngx.shared.ewma_touched

local FADE_SECONDS = 10

local function faded(average, since, sample, now)
  local weight = math.exp(-math.max(now - since, 0) / FADE_SECONDS)
  return average * weight + sample * (1 - weight)
end

local function score(endpoint)
  return faded(averages:get(endpoint) or 0, touched:get(endpoint) or 0, 0, ngx.now())
end

-- A new endpoint begins at the mean of the known ones; at zero it would get every request at first.
local function introduce(endpoints)
  local sum, known = 0, 0
  for _, endpoint in ipairs(endpoints) do
    local average = averages:get(endpoint)
    if average then
      sum, known = sum + average, known + 1
    end
  end
  if known == 0 then
    return
  end
  local now = ngx.now()
  for _, endpoint in ipairs(endpoints) do
    if averages:add(endpoint, sum / known) then
      touched:set(endpoint, now)
    end
  end
end

function _M.new(backend)
  introduce(backend.endpoints)
  return setmetatable({ endpoints = backend.endpoints }, _M)
end

function _M:update(backend)
  local wanted, endpoints = {}, backend.endpoints
  for _, endpoint in ipairs(endpoints) do
    wanted[endpoint] = true
  end
  introduce(endpoints)
  for _, endpoint in ipairs(self.endpoints) do
    if not wanted[endpoint] then
      averages:delete(endpoint)
      touched:delete(endpoint)
    end
  end
  self.endpoints = endpoints
end

-- Return the endpoint for the next attempt of a request. `tried` contains the endpoints of earlier attempts; once it
-- contains all of them, all are candidates again.
function _M:pick(tried)
  local left = {}
  for _, endpoint in ipairs(self.endpoints) do
    if not tried[endpoint] then
      left[#left + 1] = endpoint
    end
  end
  if #left == 0 then
    left = self.endpoints
  end
  if #left < 2 then
    return left[1]
  end
  local first = math.random(#left)
  local second = math.random(#left - 1)
  if second >= first then
    second = second + 1
  end
  return score(left[second]) < score(left[first]) and left[second] or left[first]
end

function _M:observe(endpoint, seconds)
  local now = ngx.now()
  averages:set(endpoint, faded(averages:get(endpoint) or 0, touched:get(endpoint) or 0, seconds, now))
  touched:set(endpoint, now)
end

return _M
