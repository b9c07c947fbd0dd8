"""The local cluster's Kubernetes API server: real kubectl, the Python client and Traefik accept it for one."""
