"""Findings: each is one type that holds its code, weight, check and sentence; a file holds a group of them."""
