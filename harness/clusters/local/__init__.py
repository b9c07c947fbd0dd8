"""Embedded clusters, which need no Docker and no root and pull no images."""
