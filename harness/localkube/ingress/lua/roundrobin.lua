-- Sends each try to the endpoint after the one before. Every worker has a turn of its own, which begins at a random place:
-- else all workers would send their first request to the same endpoint. Endpoints have no weights: all are pods of one
-- Service.
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

-- The turn goes on where it was while the endpoints, which come sorted, stay the same; others begin at a random place.
function _M:update(backend)
  if not same(self.endpoints, backend.endpoints) then
    self.endpoints, self.last = backend.endpoints, math.random(#backend.endpoints)
  end
end

-- The endpoint whose turn it is. What a request has tried is not asked, as in ingress-nginx: a second try is one more turn,
-- and where requests of other clients took the turns between, it may come to the same endpoint again.
function _M:pick()
  self.last = self.last % #self.endpoints + 1
  return self.endpoints[self.last]
end

-- How long answers take does not matter.
function _M.observe() end

return _M
