"""Run the real Traefik as the local cluster's ingress controller, against the cluster's own API server."""
