"""Traffic on any URL without a cluster: watched, accounted for, judged and reported like a trial."""
