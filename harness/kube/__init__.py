"""Access to the Kubernetes API with the official client, the same for every kind of cluster."""
