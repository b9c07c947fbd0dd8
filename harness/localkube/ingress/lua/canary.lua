-- Choose between the main backend and its canary for each request, in ingress-nginx's order: the session's cookie, the
-- header, the cookie, the weight.
local sticky = require("sticky")

local _M = {}

local function by_header(shaping)
  local header = shaping.header ~= "" and ngx.var["http_" .. shaping.header:gsub("-", "_")]
  if not header then
    return nil
  end
  if shaping.value ~= "" then
    return header == shaping.value or nil
  elseif shaping.pattern ~= "" then
    local found, problem = ngx.re.match(header, shaping.pattern)
    if problem then
      ngx.log(ngx.ERR, "header pattern '", shaping.pattern, "': ", problem)
      return false
    end
    return found and true or nil
  end
  return _M.parse_choice(header)
end

-- Return true for "always", false for "never", nil for any other value.
function _M.parse_choice(word)
  if word == "always" then
    return true
  elseif word == "never" then
    return false
  end
  return nil
end

local function wanted(shaping)
  local answer = by_header(shaping)
  if answer == nil and shaping.cookie ~= "" then
    answer = _M.parse_choice(ngx.var["cookie_" .. shaping.cookie])
  end
  if answer == nil then
    answer = math.random(shaping.total) <= shaping.weight
  end
  return answer
end

-- Return the balancer for a request to `main`. A canary without endpoints has no balancer, so all requests go to main.
-- If main has no endpoints, it has no balancer either, and its canary gets no requests.
function _M.choose(main, balancers)
  local backend = main.backend
  if #backend.alternatives == 0 or sticky.belongs(backend) then
    return main
  end
  local canary = balancers[backend.alternatives[1]]
  if not canary then
    return main
  end
  if sticky.belongs(canary.backend) or (canary.backend.shaping and wanted(canary.backend.shaping)) then
    return canary
  end
  return main
end

return _M
