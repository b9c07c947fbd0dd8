"""Stands where ingress-nginx stands: its controller in Python, its data plane as real nginx with Lua."""

from harness.localkube.ingress.controller import run_ingress

__all__ = ["run_ingress"]
