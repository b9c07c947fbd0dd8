"""Telemetry of a run for other systems: metrics while it goes on, and spans of changes and lost requests."""
