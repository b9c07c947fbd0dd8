"""Runs an Experiment behind two ingress controllers, one after the other, and keeps the comparison."""
