"""A small Kubernetes in one process: no Docker, no root, nothing pulled."""
