"""Read, resolve and check Experiment files."""
