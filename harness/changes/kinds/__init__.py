"""How each kind of change is made: a module per kind, named after its word, with one ``carry_out(repetition)``."""
