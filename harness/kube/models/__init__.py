"""The fields of Kubernetes' kinds: their types, and the required ones.

The table comes from the official client's model classes. ``python -m harness.kube.models.record`` writes it. Reading it
takes 2 ms, and importing the classes takes half a second.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from harness.kube.custom.model import Model

TABLE = Path(__file__).with_name("models.json")
#: End of the type of a required field.
REQUIRED = "!"


@cache
def official_models() -> Mapping[str, Model]:
    """Return the models of Kubernetes' own kinds by the client's name: ``V1Deployment``."""
    table: Mapping[str, Mapping[str, str]] = json.loads(TABLE.read_bytes())
    return {name: _model(fields) for name, fields in table.items()}


def _model(fields: Mapping[str, str]) -> Model:
    return Model(
        {name: text.removesuffix(REQUIRED) for name, text in fields.items()},
        frozenset(name for name, text in fields.items() if text.endswith(REQUIRED)),
    )
