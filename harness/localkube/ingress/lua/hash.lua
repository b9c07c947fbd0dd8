-- Send requests with the same text, such as their URI, to the same endpoint, as ingress-nginx does. A retry goes to the
-- same endpoint again, even to a dead pod. If an endpoint goes, only its own requests move.
local _M = {}
_M.__index = _M

-- Replace the variables in a text, which are written as $name or ${name}.
local function expand(text)
  local plain = text:gsub("%${([%w_]+)}", "$%1")
  return (plain:gsub("%$([%w_]+)", function(name)
    return ngx.var[name] or ""
  end))
end

function _M.new(backend)
  return setmetatable({ endpoints = backend.endpoints, text = backend.hash_by }, _M)
end

-- As in ingress-nginx, another text takes effect only in new workers, so after the next reload.
function _M:update(backend)
  self.endpoints = backend.endpoints
end

function _M:pick()
  local key = expand(self.text)
  local best, highest
  for _, endpoint in ipairs(self.endpoints) do
    local drawn = ngx.md5(key .. endpoint)
    if not highest or drawn > highest then
      best, highest = endpoint, drawn
    end
  end
  return best
end

-- Response times are not used.
function _M.observe() end

return _M
