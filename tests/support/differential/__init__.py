"""Compare the embedded cluster with recordings of a real one: cases, runners, facts and their differences."""
