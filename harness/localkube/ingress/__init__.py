"""Stands where ingress-nginx stands: its controller in Python, its data plane as real nginx with Lua."""
