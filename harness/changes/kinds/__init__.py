"""The executors of all kinds of changes. A kind's module has its name, and a function ``carry_out(repetition)``."""
