"""Benchmarks: this project beside its alternatives, measured side by side. Nothing here is part of the product."""
