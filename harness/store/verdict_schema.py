"""The JSON Schemas of ``verdict.json``, of a run and of a watch, generated from the records that are written there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from harness.model import watch
from harness.model.verdict import SCHEMA_VERSION, RunVerdict
from harness.model.watch import WatchVerdict

#: Name of the shipped file, in ``docs/reference``.
FILE = "verdict.schema.json"


def verdict_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a run's ``verdict.json``.

    It allows no field that the records do not have.
    """
    return _schema(RunVerdict, "verdict", SCHEMA_VERSION)


def watch_verdict_schema() -> dict[str, Any]:
    """Return the same for the ``verdict.json`` of a watch."""
    return _schema(WatchVerdict, "watch-verdict", watch.SCHEMA_VERSION)


def _schema(record: type, name: str, version: int) -> dict[str, Any]:
    document = TypeAdapter(record).json_schema(mode="serialization")
    definitions = document.pop("$defs")
    for part in (document, *definitions.values()):
        if part.get("type") == "object" and "properties" in part:
            part["additionalProperties"] = False
    document["properties"]["schema_version"] = {"const": version}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:harness:{name}:{version}",
        **document,
        "title": "verdict.json",
        "$defs": definitions,
    }


def schema_text() -> str:
    """Return the schema of a run's ``verdict.json`` as the text of its file."""
    return _text(verdict_schema())


def watch_schema_text() -> str:
    """Return the schema of a watch's ``verdict.json`` as text."""
    return _text(watch_verdict_schema())


def _text(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
