"""Holds two runs of the same cells behind different ingress controllers against each other; pure."""
