"""Annotations point at the line of the field that a result names, and say nothing of cells as expected."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from golden import unpack

from harness.kit.located_yaml import parse_documents
from harness.report.document import Status
from harness.runner.annotations import Annotation, _line_of, _named, annotations_of, github, gitlab

MANIFEST = """apiVersion: v1
kind: Service
metadata: {name: shop}
---
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 1
  template:
    spec:
      containers:
        - name: sidecar
        - name: shop
          lifecycle:
            preStop: {sleep: {seconds: 1}}
"""


@pytest.mark.parametrize(
    ("kind", "field", "line"),
    [
        ("Service", "spec.selector", 1),
        ("Deployment", "spec.replicas", 8),
        ("Deployment", "spec.template.spec.containers.lifecycle.preStop", 15),
        ("Deployment", "spec.template.spec.terminationGracePeriodSeconds", 10),
    ],
)
def test_a_field_has_its_line(kind: str, field: str, line: int) -> None:
    """A field that is missing has the line of what would contain it."""
    found = _line_of([("shop.yaml", parse_documents(MANIFEST, "shop.yaml")[0])], kind, "shop", field)

    assert found == ("shop.yaml", line)
    assert _line_of([], kind, "shop", field) is None


def test_everything_that_names_an_object_and_a_field_is_found() -> None:
    """Findings and causes alike, however deep."""
    verdict = {"findings": [{"numbers": {"object": "Service shop", "field": "spec.x"}}, {"numbers": {"object": "a"}}]}
    verdict["causes"] = [{"remedies": [{"object": "Deployment/shop", "field": "spec.y"}]}]  # type: ignore[dict-item]

    assert list(_named(verdict)) == [("Service shop", "spec.x"), ("Deployment/shop", "spec.y")]


def test_only_cells_that_are_not_as_expected_are_annotated(tmp_path: Path) -> None:
    """A run has one inconclusive cell; no field explains it, so its Experiment is named."""
    run = unpack("lifecycle", tmp_path).runs()[0]
    found = annotations_of(run)
    cells = json.loads((run / "verdict.json").read_text())["cells"]

    assert len(found) == sum(not cell["as_expected"] for cell in cells)
    assert {each.line for each in found} == {1}
    assert all(each.file.endswith(".yaml") for each in found)


FOUND = (Annotation("a,b.yaml", 7, Status.FAILED, "shop: x", "100 % lost:\nall"),)


def test_github_reads_what_is_printed() -> None:
    """Characters that end a property or a line are escaped."""
    assert github(FOUND) == "::error file=a%2Cb.yaml,line=7,title=shop%3A x::100 %25 lost:%0Aall\n"


def test_gitlab_reads_what_is_printed() -> None:
    """The fingerprint stays while place and cell do, so that GitLab knows old from new."""
    (row,) = json.loads(gitlab(FOUND))

    assert row["location"] == {"path": "a,b.yaml", "lines": {"begin": 7}}
    assert row["severity"] == "major"
    again = Annotation("a,b.yaml", 7, Status.FAILED, "shop: x", "other numbers")
    assert json.loads(gitlab([again]))[0]["fingerprint"] == row["fingerprint"]
    assert gitlab([]) == "[]\n"
