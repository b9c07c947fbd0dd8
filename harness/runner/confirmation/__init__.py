"""Repeats cells that lost requests against the expectation, and packs what reproduces them elsewhere."""
