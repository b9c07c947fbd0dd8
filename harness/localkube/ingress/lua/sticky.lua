-- Keep a session at an endpoint with a cookie, as ingress-nginx's sticky balancers do. The cookie is "key|backend". The
-- key identifies an endpoint, by a hash over all of them or, in mode persistent, by the endpoint's own hash. The hash of
-- the backend shows if the session belongs to the main backend or to the canary.
local ngx_balancer = require("ngx.balancer")

local _M = {}
_M.__index = _M

-- Most random draws to find an untried endpoint: enough to leave the dead one of two endpoints almost always.
local DRAWS = 20

local function backend_key(backend)
  return ngx.md5(ngx.md5(backend.name) .. backend.name)
end

-- Return the two parts of a request's cookie; nil for an absent part.
local function session(affinity)
  local value = ngx.var["cookie_" .. affinity.name]
  if not value then
    return nil, nil
  end
  return value:match("^([^|]*)|?([^|]*)")
end

-- Return true if this backend set the request's cookie.
function _M.belongs(backend)
  if not backend.affinity then
    return false
  end
  local _, key = session(backend.affinity)
  return key == backend_key(backend)
end

-- Return the endpoint with the highest hash for the key: if an endpoint goes, only its own sessions move.
local function balanced(endpoints, key)
  local best, highest
  for _, endpoint in ipairs(endpoints) do
    local drawn = ngx.md5(key .. endpoint)
    if not highest or drawn > highest then
      best, highest = endpoint, drawn
    end
  end
  return best
end

local function own_key(backend, endpoint)
  return ngx.md5(backend.name .. endpoint)
end

local function persistent(backend, key)
  for _, endpoint in ipairs(backend.endpoints) do
    if own_key(backend, endpoint) == key then
      return endpoint
    end
  end
  return nil
end

local function find(backend, key)
  if backend.affinity.mode == "persistent" then
    return persistent(backend, key)
  end
  return balanced(backend.endpoints, key)
end

local function draw(backend, tried)
  for _ = 1, DRAWS do
    local key
    if backend.affinity.mode == "persistent" then
      key = own_key(backend, backend.endpoints[math.random(#backend.endpoints)])
    else
      key = string.format("%s.%s.%s", ngx.now(), ngx.worker.pid(), math.random(999999))
    end
    local endpoint = find(backend, key)
    if not tried[endpoint] then
      return endpoint, key
    end
  end
  return nil, nil
end

-- Set the cookie only in locations of the Ingress that wants it; other Ingresses may share the backend.
local function sets_cookie(affinity)
  local host = ngx.var.server_name == "_" and "_" or ngx.var.host
  local wildcard = host:gsub("^[^.]+%.", "*.", 1)
  for _, place in ipairs(affinity.locations) do
    if place == host .. ngx.var.location_path or place == wildcard .. ngx.var.location_path then
      return true
    end
  end
  return false
end

local function set_cookie(backend, key)
  local affinity = backend.affinity
  local path = affinity.path ~= "" and affinity.path or ngx.var.location_path
  local cookie = affinity.name .. "=" .. key .. "|" .. backend_key(backend)
  if affinity.max_age ~= "" then
    cookie = cookie .. "; Max-Age=" .. affinity.max_age
  end
  local secure = ngx.var.https == "on" and "; Secure" or ""
  ngx.header["Set-Cookie"] = cookie .. "; Path=" .. path .. secure .. "; HttpOnly"
end

function _M.new(backend)
  return setmetatable({ backend = backend }, _M)
end

function _M:update(backend)
  self.backend = backend
end

-- As in ingress-nginx, a retry stays with the session's endpoint, even a dead pod, unless the Ingress allows a change.
function _M:pick(tried)
  local affinity = self.backend.affinity
  local key = session(affinity)
  local endpoint = key and key ~= "" and find(self.backend, key)
  local leave = affinity.change_on_failure and ngx_balancer.get_last_failure() ~= nil
  if endpoint and not leave then
    return endpoint
  end
  endpoint, key = draw(self.backend, tried)
  if endpoint and sets_cookie(affinity) then
    set_cookie(self.backend, key)
  end
  return endpoint
end

function _M.observe() end

return _M
