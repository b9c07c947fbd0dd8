"""Plays ingress-nginx: its controller in Python, its data plane as real nginx with Lua."""
