"""Compares two runs of the same cells with different ingress controllers; pure functions."""
