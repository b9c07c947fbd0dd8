-- Chooses an endpoint by peak latency: of two drawn at random, the one whose moving average of response times is lower.
-- The average fades while an endpoint gets no requests, so that a slow one is tried again. Averages are in memory shared
-- by all workers and kept over a reload.
--
-- As in ingress-nginx, the draw of two among two is no draw: the lower average gets every request until the other has
-- faded below it, by a factor e in 10 s. Times come in whole milliseconds, so that two idle pods that are equally fast take
-- turns of seconds (up to 7 s measured), and of a short burst one may get nothing.
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

-- An endpoint that is new begins at the mean of those that are known: at zero it would get every request at first.
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

-- The endpoint for the next try of a request; `tried` has those of its earlier tries, and all are candidates again once
-- every one was tried.
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
