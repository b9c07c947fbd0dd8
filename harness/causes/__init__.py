"""Finds the cause of each lost request, and the change that prevents it."""
