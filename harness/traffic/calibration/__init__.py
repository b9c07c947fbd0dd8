"""Prove the detector: send known faults and expect exactly their number."""
