"""Rows that several tables of field classes share."""

from __future__ import annotations

from collections.abc import Mapping

#: Fields that every object begins with.
CONSTANTS: Mapping[str, str] = {"apiVersion": "it names the kind", "kind": "it names the kind"}
#: Fields that the cluster itself writes.
STATUS: Mapping[str, str] = {"status": "the cluster writes it"}
