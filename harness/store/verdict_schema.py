"""The JSON Schema of ``verdict.json``, generated from the records that are written there."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter

from harness.model.verdict import SCHEMA_VERSION, RunVerdict

#: Name of the shipped file, in ``docs/reference``.
FILE = "verdict.schema.json"


def verdict_schema() -> dict[str, Any]:
    """Return the schema, in JSON Schema's draft 2020-12. It allows no field that the records do not have."""
    document = TypeAdapter(RunVerdict).json_schema(mode="serialization")
    definitions = document.pop("$defs")
    for record in (document, *definitions.values()):
        if record.get("type") == "object" and "properties" in record:
            record["additionalProperties"] = False
    document["properties"]["schema_version"] = {"const": SCHEMA_VERSION}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:harness:verdict:{SCHEMA_VERSION}",
        **document,
        "title": "verdict.json",
        "$defs": definitions,
    }


def schema_text() -> str:
    """Return the schema as the text of its file."""
    return json.dumps(verdict_schema(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
