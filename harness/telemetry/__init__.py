"""What other systems may see of a run: metrics while it goes on, and spans of changes and lost requests."""
