-- Send each request to an endpoint of its location's backend. Each worker reads new endpoints on its own timer, so it
-- uses the old ones for up to one period after a post, and two workers may differ.
local cjson = require("cjson.safe")
local ngx_balancer = require("ngx.balancer")
local canary = require("canary")
local configuration = require("configuration")
local hash = require("hash")
local sticky = require("sticky")

local _M = {}

-- By their names in the annotation.
local IMPLEMENTATIONS = { round_robin = require("roundrobin"), ewma = require("ewma") }

local balancers = {}
local applied = 0
local generation

-- Update a backend's balancer, or create a new one if it has none or one of another kind. An implementation is the
-- metatable of its balancers.
local function update_or_create(balancer, backend)
  local implementation = IMPLEMENTATIONS[backend.balancing]
  if backend.affinity then
    implementation = sticky
  elseif backend.hash_by ~= "" then
    implementation = hash
  end
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
      kept[name] = update_or_create(balancers[name], backend)
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
    ngx.log(ngx.ERR, "cannot parse the backends: ", problem)
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
    ngx.log(ngx.ERR, "cannot start the timer that reads endpoints: ", problem)
    return
  end
  configuration.report_worker("up", generation)
end

-- Runs before the request is forwarded: answer 503 at once if the backend has no endpoints.
function _M.rewrite()
  local balancer = balancers[ngx.var.proxy_upstream_name]
  if not balancer then
    return ngx.exit(ngx.HTTP_SERVICE_UNAVAILABLE)
  end
  ngx.ctx.balancer = canary.choose(balancer, balancers)
  if ngx.ctx.balancer ~= balancer then
    ngx.var.proxy_alternative_upstream_name = ngx.ctx.balancer.backend.name
  end
  ngx.ctx.tried = {}
end

-- Runs once for each attempt. nginx decides about a retry by proxy_next_upstream and its number of attempts.
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
    ngx.log(ngx.ERR, "endpoint ", endpoint, " cannot be used: ", problem)
  end
end

-- nginx lists one value for each attempt, separated by commas; the last value belongs to the answered attempt.
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
