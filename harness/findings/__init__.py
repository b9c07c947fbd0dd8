"""Defines findings: one type per finding with its code, weight, check and sentence; each file holds a group."""
