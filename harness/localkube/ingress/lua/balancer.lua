-- Sends each request to an endpoint of its location's backend. A worker looks for new endpoints on a timer of its own, so
-- for up to one period after they were posted it uses the old ones, and two workers may differ.
local cjson = require("cjson.safe")
local ngx_balancer = require("ngx.balancer")
local canary = require("canary")
local configuration = require("configuration")
local sticky = require("sticky")

local _M = {}

-- By the names that the annotation has for them.
local IMPLEMENTATIONS = { round_robin = require("roundrobin"), ewma = require("ewma") }

local balancers = {}
local applied = 0
local generation

-- The balancer that a backend had, brought up to date, or a new one where it had none or one of another kind. An
-- implementation is the metatable of its balancers.
local function follow(balancer, backend)
  local implementation = backend.affinity and sticky or IMPLEMENTATIONS[backend.balancing]
  if getmetatable(balancer) ~= implementation then
    return implementation.new(backend)
  end
  balancer:update(backend)
  return balancer
end

local function apply(backends)
  local kept = {}
  for name, backend in pairs(backends) do
    if #backend.endpoints > 0 then
      backend.name = name
      kept[name] = follow(balancers[name], backend)
      kept[name].backend = backend
    end
  end
  balancers = kept
end

local function sync(leaving)
  if leaving then
    return configuration.report_worker("leaving", generation)
  end
  local version = configuration.version()
  if version == applied then
    return
  end
  local backends, problem = cjson.decode(configuration.backends() or "{}")
  if not backends then
    ngx.log(ngx.ERR, "backends can't be read: ", problem)
    return
  end
  apply(backends)
  applied = version
end

function _M.init_worker(settings)
  generation = settings.generation
  math.randomseed(settings.seed * 1000 + generation * 10 + ngx.worker.id())
  sync(false)
  local started, problem = ngx.timer.every(settings.timer, sync)
  if not started then
    ngx.log(ngx.ERR, "endpoints will not follow: ", problem)
    return
  end
  configuration.report_worker("up", generation)
end

-- Before anything is sent: a backend without endpoints is "service unavailable", at once.
function _M.rewrite()
  local balancer = balancers[ngx.var.proxy_upstream_name]
  if not balancer then
    return ngx.exit(ngx.HTTP_SERVICE_UNAVAILABLE)
  end
  ngx.ctx.balancer = canary.choose(balancer, balancers)
  ngx.ctx.tried = {}
end

-- Once per try: nginx decides whether there is a next one, by proxy_next_upstream and its number of tries.
function _M.balance()
  local balancer, tried = ngx.ctx.balancer, ngx.ctx.tried
  local endpoint = balancer and balancer:pick(tried)
  if not endpoint then
    return
  end
  tried[endpoint] = true
  ngx_balancer.set_more_tries(1)
  local ok, problem = ngx_balancer.set_current_peer(endpoint)
  if not ok then
    ngx.log(ngx.ERR, "endpoint ", endpoint, " can't be used: ", problem)
  end
end

-- nginx lists one value per try, separated by commas; the last is of the try that counted.
local function last(list)
  return list and list:match("([^%s,]+)%s*$")
end

function _M.log()
  local balancer, endpoint = ngx.ctx.balancer, last(ngx.var.upstream_addr)
  if not (balancer and endpoint) then
    return
  end
  local connecting = tonumber(last(ngx.var.upstream_connect_time)) or 0
  local answering = tonumber(last(ngx.var.upstream_response_time)) or 0
  balancer:observe(endpoint, connecting + answering)
end

return _M
