"""Evidence to verdict: pure functions on frozen records, so that the same evidence always gives the same answer."""
