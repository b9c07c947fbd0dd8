"""Simulate ingress-nginx: its controller in Python, its data plane as a real nginx with Lua."""
