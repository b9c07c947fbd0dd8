"""Texts that no evidence, report or log may contain, such as credentials."""

from __future__ import annotations

#: Stands for a secret in every record that is written.
WITHHELD = "(withheld)"


class Secret(str):
    """A text that every record has as ``WITHHELD``; only the process that sends it gets the text itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return the text that stands for a secret."""
        return repr(WITHHELD)
