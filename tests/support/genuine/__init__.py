"""Compares functions of the embedded cluster with those of Kubernetes, whose answers to a corpus are recorded."""
