-- Choose the certificate of each TLS connection, redirect HTTP to HTTPS, and add HSTS, as ingress-nginx does. The
-- controller sends certificates to running workers, so that another certificate or a new `tls` section closes no
-- connection. All workers share them, and they survive a reload.
local cjson = require("cjson.safe")
local ssl = require("ngx.ssl")

local _M = {}

local servers = ngx.shared.certificate_servers
local certificates = ngx.shared.certificate_data

local DEFAULT_HOST = "_"

-- Settings of the controller's ConfigMap.
local settings

function _M.configure(given)
  settings = given
end

-- Return the identifier of a host's certificate; nil for a host without TLS.
local function find(host)
  local name = host:gsub("%.$", ""):lower()
  return servers:get(name) or servers:get((name:gsub("^[^.]+%.", "*.", 1)))
end

-- Store the posted certificates. As in ingress-nginx, those of hosts that are gone stay.
function _M.take(body)
  local posted = cjson.decode(body)
  if not posted then
    return false
  end
  for id, pem in pairs(posted.certificates) do
    if not certificates:safe_set(id, pem) then
      return false
    end
  end
  for host, id in pairs(posted.servers) do
    if id == "" then
      servers:delete(host)
    elseif not servers:safe_set(host, id) then
      return false
    end
  end
  return true
end

local function fail(problem)
  ngx.log(ngx.ERR, "certificate: ", problem)
  return ngx.exit(ngx.ERROR)
end

-- Runs in the handshake. Without a certificate here, nginx uses the default one of its configuration.
function _M.choose()
  local id = find(ssl.server_name() or DEFAULT_HOST)
  local pem = id and certificates:get(id)
  if not pem then
    return
  end
  local chain, problem = ssl.parse_pem_cert(pem)
  if not chain then
    return fail(problem)
  end
  local key
  key, problem = ssl.parse_pem_priv_key(pem)
  if not key then
    return fail(problem)
  end
  local ok
  ok, problem = ssl.clear_certs()
  if ok then
    ok, problem = ssl.set_cert(chain)
  end
  if ok then
    ok, problem = ssl.set_priv_key(key)
  end
  if not ok then
    return fail(problem)
  end
end

-- Runs before the request is forwarded: redirect it if its location is served over HTTPS only.
function _M.redirect(location)
  if ngx.var.scheme ~= "http" or not (location.always or find(ngx.var.host)) then
    return
  end
  local uri = ngx.var.request_uri
  if not location.keep_slash then
    uri = uri:gsub("/$", "", 1)
  end
  local host = (ngx.var.http_host or ngx.var.host):match("^[^:]*")
  return ngx.redirect("https://" .. host .. uri, settings.redirect_status)
end

function _M.header()
  if settings.hsts ~= "" and ngx.var.scheme == "https" then
    ngx.header["Strict-Transport-Security"] = settings.hsts
  end
end

return _M
