"""The Kubernetes API by the official client, the same for every cluster."""
