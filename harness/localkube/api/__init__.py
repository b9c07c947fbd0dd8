"""The local cluster's API server; kubectl, the Python client and Traefik work with it as with a real one."""
