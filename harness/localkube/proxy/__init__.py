"""Stands where kube-proxy stands: says which pods a connection to a Service may go to, as late as the real one does."""

from harness.localkube.proxy.proxy import run_proxy

__all__ = ["run_proxy"]
