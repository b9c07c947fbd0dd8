"""Releases in a file: their records, and their problems."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.errors import InvalidInputError
from harness.experiment.load import load_experiment
from harness.model.changes import AbTest, BlueGreen, Canary, ChangeSpec, Criterion, Retire, Start, Step
from harness.model.controllers import DEFAULT

APPS = Path(__file__).parents[2] / "experiments" / "apps" / "apple-two-versions"
GREEN: dict[str, Any] = {
    "service": "apple-service",
    "selector": {"version": "apple-v2"},
    "public": "/apple",
    "private": "/preview/apple",
    "answer": "apple-v2",
}
CANARY: dict[str, Any] = {
    "ingress": "apple",
    "path": "/apple",
    "service": "apple-service",
    "canary": "apple-v2-service",
    "route": "/apple",
    "answer": "apple-v2",
    "steps": ["10%", {"weight": "100%", "hold": "2s"}],
}
AB: dict[str, Any] = {
    "ingress": "apple",
    "path": "/apple",
    "service": "apple-service",
    "candidate": "apple-v2-service",
    "header": {"X-Version": "b"},
    "a": "/apple",
    "b": "beta",
    "answer": "apple-v2",
}
BASE = {"blue-green": GREEN, "canary": CANARY, "ab-test": AB, "controller-restart": {}}


def load(folder: Path, kind: str, fields: dict[str, Any], **head: Any) -> ChangeSpec:
    """Return the change of an Experiment that has it."""
    paths = [
        {"path": "/apple", "answers": "apple-v1"},
        {"path": "/preview/apple", "answers": "apple-v2"},
        {"path": "/apple", "name": "beta", "answers": "apple-v1", "headers": {"X-Version": "b"}},
        {"path": "/apple", "name": "open"},
    ]
    content = {
        "name": "release",
        "workload": str(APPS),
        "traffic": {"rate": "100/s", "paths": paths, "pool": {"size": 8}},
        "changes": ["none", {kind: {key: value for key, value in fields.items() if value is not None}}],
        **head,
    }
    path = folder / "release.yaml"
    path.write_text(yaml.safe_dump(content))
    return load_experiment(path).cells[-1].change


def test_a_blue_green_as_a_record(tmp_path: Path) -> None:
    """Short forms are spelled out, and the new answer is right on the public route alone."""
    more = {"retire": "apple-v1", "start": {"deployment": "apple-v2", "wait": False}}
    spec = load(tmp_path, "blue-green", {**GREEN, **more})

    assert isinstance(spec, BlueGreen)
    assert (spec.public, spec.private) == (("/apple",), ("/preview/apple",))
    assert (spec.retire, spec.start) == (Retire("apple-v1"), Start("apple-v2", 1, wait=False))
    assert spec.answers == {"/apple": ("apple-v2",)}


def test_a_canary_as_a_record(tmp_path: Path) -> None:
    """A step without a hold has that of the change."""
    spec = load(tmp_path, "canary", {**CANARY, "hold": "7s"})

    assert isinstance(spec, Canary)
    assert spec.steps == (Step(10, 7.0), Step(100, 2.0))
    assert spec.answers == {"/apple": ("apple-v2",)}


def test_an_ab_test_as_a_record(tmp_path: Path) -> None:
    """The rule in one set of fields; B's answer is right on B's routes, with weights on all of A's."""
    spec = load(tmp_path, "ab-test", {**AB, "success": {"latency": "200ms"}})
    shares = load(tmp_path, "ab-test", {**AB, "header": None, "weight": "30%", "b": None})

    assert isinstance(spec, AbTest)
    assert (spec.by, spec.key, spec.value, spec.success) == ("header", "X-Version", "b", Criterion(0.2))
    assert spec.answers == {"beta": ("apple-v2",)}
    assert isinstance(shares, AbTest)
    assert (shares.by, shares.weight, shares.b) == ("weight", 30, ())
    assert shares.answers == {"/apple": ("apple-v2",)}


#: (kind, what is replaced in it, a word that the problem must have)
WRONG = [
    ("blue-green", {"service": "aple-service"}, "did you mean 'apple-service'"),
    ("blue-green", {"selector": {"version": "apple-v1"}}, "this selector already"),
    ("blue-green", {"public": "/aple"}, "did you mean '/apple'"),
    ("blue-green", {"public": "/preview/apple"}, "leads to Service apple-preview-service, not to apple-service"),
    ("blue-green", {"public": "open"}, "could tell the versions apart"),
    ("blue-green", {"private": "beta"}, "it is not private"),
    ("blue-green", {"answer": "apple-v*"}, "it does not tell the versions apart"),
    ("blue-green", {"answer": "apple-v3"}, "answers apple-v2, never 'apple-v3'"),
    ("blue-green", {"retire": "apple-v2"}, "is the new version"),
    ("blue-green", {"retire": "apple"}, "no Deployment 'apple'"),
    ("blue-green", {"start": {"deployment": "apple-v2", "replicas": 0}}, "greater than or equal to 1"),
    ("canary", {"ingress": "pear"}, "no Ingress 'pear'"),
    ("canary", {"path": "/aple"}, "did you mean '/apple'"),
    ("canary", {"service": "apple-v2-service"}, "names apple-service, not apple-v2-service"),
    ("canary", {"canary": "apple-service"}, "nothing would be split"),
    ("canary", {"canary": "nobody"}, "no Service 'nobody'"),
    ("canary", {"canary": "apple-preview-service"}, "ingress-nginx gives no share to it"),
    ("canary", {"route": "/preview/apple"}, "leads to Service apple-preview-service"),
    ("canary", {"steps": []}, "at least 1 item"),
    ("canary", {"steps": ["110%"]}, "from 0% to 100%"),
    ("canary", {"steps": ["10"]}, "with its sign: 10%"),
    ("canary", {"steps": ["10%", "10%"]}, "10%, as the step before it"),
    ("canary", {"answer": "apple-v1"}, "it does not tell the versions apart"),
    ("canary", {"retire": "apple-v2"}, "is the new version"),
    ("ab-test", {"weight": "50%"}, "exactly one of header"),
    ("ab-test", {"header": None}, "exactly one of header"),
    ("ab-test", {"b": None}, "b is required"),
    ("ab-test", {"b": "open"}, "open does not send the header that leads to B"),
    ("ab-test", {"a": "beta", "b": "/apple"}, "beta sends the header that leads to B"),
    ("ab-test", {"header": None, "weight": "50%"}, "all routes belong under a"),
    ("ab-test", {"sticky": "s"}, "sticky is about weights"),
    ("ab-test", {"header": None, "weight": "50%", "b": None, "sticky": "s"}, "no route of a sends the cookie s"),
    ("ab-test", {"header": None, "cookie": {"v": "b"}}, "by the value always alone"),
]


@pytest.mark.parametrize(("kind", "fields", "word"), WRONG)
def test_a_release_with_a_mistake_is_refused_at_its_line(
    tmp_path: Path, kind: str, fields: dict[str, Any], word: str
) -> None:
    """Each mistake has a problem with the file, a line, and what to do."""
    with pytest.raises(InvalidInputError) as caught:
        load(tmp_path, kind, {**BASE[kind], **fields})
    problems = [f"{problem.message} ({problem.hint})" for problem in caught.value.problems]

    assert [problem for problem in problems if word in problem] != [], problems
    assert all(problem.line for problem in caught.value.problems)


@pytest.mark.parametrize("kind", ["canary", "ab-test", "controller-restart"])
def test_a_release_without_its_controller_is_refused(tmp_path: Path, kind: str) -> None:
    """Without an ingress controller, nothing splits requests."""
    head = {"ingress": "none", "entry": {"service": "apple-service"}}

    with pytest.raises(InvalidInputError, match="changes what an ingress controller does"):
        load(tmp_path, kind, BASE[kind], **head)


@pytest.mark.parametrize("kind", ["canary", "ab-test"])
def test_a_controller_that_splits_no_requests_is_named(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A controller without rights for splits is refused; the hint names the others."""
    facts = replace(DEFAULT, share_rights=())
    monkeypatch.setattr("harness.experiment.changes.reading.controller_facts", lambda _word: facts)

    with pytest.raises(InvalidInputError, match="can't share the requests of a rule") as caught:
        load(tmp_path, kind, BASE[kind])
    assert any("traefik" in problem.hint for problem in caught.value.problems)
