"""Guided exercises: predict, act, see the cost, understand. Steps and texts are data, in ``data``."""
