"""Parse, resolve and check Experiment files."""
