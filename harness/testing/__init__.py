"""Test doubles and made-up evidence for tests of the harness and of what builds on it."""
