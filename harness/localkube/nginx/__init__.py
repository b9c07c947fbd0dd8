"""Provide an nginx with Lua for the ingress data plane: the system's own, or Debian's packages in a cache."""
