"""Verdicts from facts and findings: of a trial, a cell, a run, a watch and a migration. Pure."""
