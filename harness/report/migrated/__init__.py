"""Renders a migration: terminal, HTML, markdown, JUnit; pure."""
