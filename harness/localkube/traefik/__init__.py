"""Traefik as the local cluster's ingress controller: the real program, against the cluster's own API server."""
