"""Computes facts from evidence with pure functions, so that the same evidence always gives the same verdict."""
