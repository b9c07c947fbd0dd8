"""Record the fields of Kubernetes' kinds from the official client: ``python -m harness.kube.models.record``."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from harness.kube.custom import MODELS
from harness.kube.models import REQUIRED, TABLE
from harness.kube.schema import KINDS, item_type


def text() -> str:
    """Return the table: a line for each model that belongs to a kind of ``KINDS``."""
    client = importlib.import_module("kubernetes.client")
    table: dict[str, Mapping[str, str]] = {}
    wanted = [name for name in KINDS.values() if name not in MODELS]
    while wanted:
        name = wanted.pop()
        if name not in table:
            model = getattr(client, name)
            table[name] = dict(_fields(model))
            wanted += [item for item in map(item_type, model.openapi_types.values()) if item[:1].isupper()]
    lines = (f"{json.dumps(name)}: {json.dumps(table[name])}" for name in sorted(table))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _fields(model: Any) -> Iterator[tuple[str, str]]:
    fields = model.model_fields
    for attribute, expected in model.openapi_types.items():
        required = attribute in fields and fields[attribute].is_required()
        yield model.attribute_map[attribute], expected + (REQUIRED if required else "")


def main() -> None:
    """Write the table."""
    TABLE.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
