"""Test doubles and synthetic evidence, for tests of the harness and of programs that use it."""
