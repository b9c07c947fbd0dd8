"""The executors of all kinds of changes: a module per kind, named after its word, with a ``carry_out(repetition)``."""
