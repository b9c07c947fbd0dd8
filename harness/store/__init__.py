"""Reads and writes the files of a run: run directories, ledgers, timelines and records as JSON."""
