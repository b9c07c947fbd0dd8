"""Attempts that are tried exactly once, on an open-loop schedule, each of them in the ledger."""
