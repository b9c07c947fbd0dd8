"""Compares two runs, or runs two workloads and compares them; repeats the cells that look different."""
