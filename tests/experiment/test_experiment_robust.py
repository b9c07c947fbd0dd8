"""No mistake in an Experiment's files becomes a traceback."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml
from strange_values import MORE, variants

from harness.errors import InvalidInputError

if TYPE_CHECKING:
    from tests.experiment.experiment_bench import Bench

pytest_plugins = ("experiment_bench",)


@pytest.mark.parametrize("file", ["small.yaml", "patch.yaml", "apps.yaml"])
def test_strange_values_are_problems(bench: Bench, file: str) -> None:
    """Any value at any place of any file is either valid or a list of problems."""
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
