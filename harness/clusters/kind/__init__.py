"""Clusters of real Kubernetes in Docker, made with kind."""
