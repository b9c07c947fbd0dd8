"""Verdict in, text out: HTML, JUnit, Markdown, JSON, terminal. Pure."""
