"""Rows that many tables of field classes share."""

from __future__ import annotations

from collections.abc import Mapping

#: What every object begins with.
CONSTANTS: Mapping[str, str] = {"apiVersion": "it names the kind", "kind": "it names the kind"}
#: What the cluster itself writes.
STATUS: Mapping[str, str] = {"status": "the cluster writes it"}
