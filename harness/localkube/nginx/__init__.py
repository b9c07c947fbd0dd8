"""An nginx with Lua for the ingress data plane: the machine's own, or Debian's packages unpacked into a cache."""
