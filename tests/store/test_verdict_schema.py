"""The published schema of ``verdict.json`` accepts what is written, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import golden
import pytest
from command_line import ROOT
from jsonschema import Draft202012Validator

from harness.model.verdict import SCHEMA_VERSION
from harness.runner.judging import judge
from harness.store.records import to_json
from harness.store.rundir import RunDirectory
from harness.store.verdict_schema import FILE, schema_text, verdict_schema
from harness.testing.reports import sample_run


def _errors(document: Any) -> list[str]:
    return [
        f"{error.json_path}: {error.message}" for error in Draft202012Validator(verdict_schema()).iter_errors(document)
    ]


def test_the_shipped_schema_is_current() -> None:
    """`python -m harness.reference` writes it again."""
    assert (ROOT / "docs" / "reference" / FILE).read_text(encoding="utf-8") == schema_text()


def test_the_schema_is_a_schema() -> None:
    """It is valid in its own draft, and names its version."""
    Draft202012Validator.check_schema(verdict_schema())

    assert verdict_schema()["$id"].endswith(f":{SCHEMA_VERSION}")


@pytest.mark.parametrize("name", ["lifecycle", "releases", "traefik", "slow-idle"])
def test_verdicts_of_stored_evidence_conform(name: str, tmp_path: Path) -> None:
    """Causes, remedies, releases and failed attempts are all in it."""
    verdict = to_json(judge(RunDirectory.open(golden.unpack(name, tmp_path).path)))

    assert _errors(verdict) == []


@pytest.mark.parametrize(
    "wrong", [{"unknown": 1}, {"exit_code": "0"}, {"schema_version": SCHEMA_VERSION + 1}, {"cells": None}]
)
def test_anything_else_is_refused(wrong: dict[str, Any]) -> None:
    """An unknown field, another type and another version are no verdict.json."""
    document = to_json(sample_run())

    assert _errors(document) == []
    assert _errors({**document, **wrong}) != []
