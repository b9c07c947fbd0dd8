"""Real Kubernetes in Docker, by kind."""
