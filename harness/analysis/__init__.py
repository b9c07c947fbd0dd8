"""Evidence in, verdict out: pure functions on frozen records."""
