"""Processes, clock, waiting: what every layer needs and nothing of the domain."""
