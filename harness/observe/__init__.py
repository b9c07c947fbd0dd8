"""Watchers of the cluster that write the timeline of a trial."""
