"""Guided exercises: predict, act, see the result, understand. Steps and texts are data, in ``data``."""
