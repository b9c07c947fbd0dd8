-- Send each attempt to the next endpoint. Every worker has its own position, which starts at random; else all workers
-- would send their first request to the same endpoint. Endpoints have no weights, because all are pods of one Service.
local _M = {}
_M.__index = _M

local function same(left, right)
  if #left ~= #right then
    return false
  end
  for position, endpoint in ipairs(left) do
    if right[position] ~= endpoint then
      return false
    end
  end
  return true
end

function _M.new(backend)
  return setmetatable({ endpoints = backend.endpoints, last = math.random(#backend.endpoints) }, _M)
end

-- Keep the position while the sorted endpoints stay the same; start at a random position if they change.
function _M:update(backend)
  if not same(self.endpoints, backend.endpoints) then
    self.endpoints, self.last = backend.endpoints, math.random(#backend.endpoints)
  end
end

-- Return the next endpoint. As in ingress-nginx, earlier attempts of the request are not considered: a retry takes the
-- next position, and can reach the same endpoint again if requests of other clients took the positions in between.
function _M:pick()
  self.last = self.last % #self.endpoints + 1
  return self.endpoints[self.last]
end

-- Response times are not used.
function _M.observe() end

return _M
