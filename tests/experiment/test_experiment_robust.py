"""No mistake in an Experiment's files becomes a traceback."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from harness.errors import InvalidInputError

if TYPE_CHECKING:
    from tests.experiment.experiment_bench import Bench

pytest_plugins = ("experiment_bench",)

STRANGE: tuple[Any, ...] = (None, 5, "x", [], [None], {"a": 5})

UPDATE = {"deployment": "apple", "set": {"args": ["-text=b"]}, "answer": "b", "answers": {"/apple": "c"}}
POINT = {"service": "apple-service", "selector": {"version": "v1"}, "answer": "x", "hold": "1s"}
MORE: list[Any] = [
    {"rolling-update": UPDATE},
    {"selector-patch": POINT},
    {"scale": {"deployment": "apple", "replicas": 2}},
    {"ingress-edit": {"ingress": "fruit", "annotations": {"a": "b"}, "patch": {"spec": {}}}},
    {"delete-pod": {"deployment": "apple", "force": True}},
]


def variants(value: Any) -> Iterator[Any]:
    """A value with each of its parts, one at a time, replaced by something strange."""
    yield from STRANGE
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        for part in variants(value[key]):
            changed = copy.copy(value)
            changed[key] = part
            yield changed


@pytest.mark.parametrize("file", ["small.yaml", "patch.yaml", "apps.yaml"])
def test_strange_values_are_problems(bench: Bench, file: str) -> None:
    """Whatever stands in the place of any part of any file, it is either valid or a list of problems."""
    documents = list(yaml.safe_load_all((bench.folder / file).read_text()))
    if file == "small.yaml":
        documents[0]["changes"] += MORE
        documents[0]["exclude"] = [{"pod": "graceful", "change": "scale"}]
    texts = {json.dumps(document) for document in variants(documents) if isinstance(document, list)}
    refused = 0
    for text in texts:
        (bench.folder / file).write_text("".join(f"--- {json.dumps(d)}\n" for d in json.loads(text)))
        try:
            bench.load()
        except InvalidInputError as error:
            refused += bool(error.problems)

    assert refused > len(texts) / 2
