"""Runs an Experiment with two ingress controllers, one after the other, and compares the runs."""
