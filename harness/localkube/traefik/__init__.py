"""Traefik as the local cluster's ingress controller: the real program, against the cluster's own API server."""

from harness.localkube.traefik.controller import run_traefik

__all__ = ["run_traefik"]
