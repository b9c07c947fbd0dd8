"""Turns facts and findings into verdicts on a trial, a cell, a run, a watch and a migration; pure functions."""
