"""Runs Experiments end to end: nested contexts, phases, and evidence that is sealed before it is judged."""
