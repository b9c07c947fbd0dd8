"""Calibration of the detector: it meets known faults and must report exactly their number."""
