"""Watches any URLs without a cluster: sends traffic, accounts for it, judges and reports it like a trial."""
