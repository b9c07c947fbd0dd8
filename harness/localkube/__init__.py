"""Run a small Kubernetes in one process tree, without Docker, root rights or image pulls."""
