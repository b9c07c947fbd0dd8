"""A migration's ``index.html``: one file that needs nothing else; the two runs' own reports lie beside it."""

from __future__ import annotations

from harness.model.migration import Migration
from harness.report.html import environment
from harness.report.migrated import sentences


def render(migration: Migration) -> str:
    """The document."""
    return environment().get_template("migrate.html.j2").render(migration=migration, words=sentences)
