"""The nouns of the harness as frozen records: standard library only, no I/O, shared by every layer."""
