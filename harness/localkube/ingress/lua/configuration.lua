-- Receive the controller's endpoints in running workers. They are stored in memory that all workers share and that
-- survives a reload, so that a new worker has endpoints before its first request.
local certificate = require("certificate")

local _M = {}

local shared = ngx.shared.configuration

-- Incremented with each post; a worker compares it with the version that it applied last.
local VERSION = "version"
local BACKENDS = "backends"

function _M.version()
  return shared:get(VERSION) or 0
end

function _M.backends()
  return shared:get(BACKENDS)
end

-- Count the workers of a generation that are `up`, and those that are `leaving`: they accept no connections and close
-- their idle ones.
function _M.report_worker(state, generation)
  shared:incr(state .. ":" .. generation, 1, 0)
end

local function request_body()
  ngx.req.read_body()
  local body = ngx.req.get_body_data()
  if body then
    return body
  end
  local name = ngx.req.get_body_file()
  local file = name and io.open(name, "rb")
  if not file then
    return nil
  end
  body = file:read("*a")
  file:close()
  return body
end

local function take_backends()
  local body = request_body()
  if not body then
    return ngx.exit(ngx.HTTP_BAD_REQUEST)
  end
  local stored, problem = shared:safe_set(BACKENDS, body)
  if not stored then
    ngx.log(ngx.ERR, "cannot store the backends: ", problem)
    return ngx.exit(ngx.HTTP_INTERNAL_SERVER_ERROR)
  end
  shared:incr(VERSION, 1, 0)
  ngx.status = ngx.HTTP_CREATED
end

local function take_certificates()
  local body = request_body()
  if not (body and certificate.take(body)) then
    return ngx.exit(ngx.HTTP_BAD_REQUEST)
  end
  ngx.status = ngx.HTTP_CREATED
end

function _M.serve()
  local path, method = ngx.var.uri, ngx.req.get_method()
  if path == "/configuration/backends" and method == "POST" then
    return take_backends()
  elseif path == "/configuration/servers" and method == "POST" then
    return take_certificates()
  elseif path == "/configuration/backends" then
    ngx.say(_M.backends() or "{}")
  elseif path == "/configuration/workers" then
    ngx.say(shared:get((ngx.var.arg_state or "") .. ":" .. (ngx.var.arg_generation or "")) or 0)
  elseif path == "/healthz" then
    ngx.say("ok")
  else
    return ngx.exit(ngx.HTTP_NOT_FOUND)
  end
end

return _M
