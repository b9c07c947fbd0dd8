"""Benchmarks that compare this project with its alternatives. Nothing here is part of the product."""
