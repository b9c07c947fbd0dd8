"""Existing clusters, which a context of the user's kubeconfig names."""
