"""Defaults and validation of a real API server, for the embedded cluster's server and the check of Experiments."""
