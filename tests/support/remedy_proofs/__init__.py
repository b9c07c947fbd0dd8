"""Proofs of remedies: runs the lossy rows of the Experiments before and after them, and lists the results."""
