"""The JSON Schema of Experiment files: current, and never stricter than the harness."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from strange_values import MORE, variants

from harness.cli.schema import schema
from harness.errors import InvalidInputError
from harness.experiment.json_schema import EDITOR_LINE, FILE, experiment_schema, schema_text
from harness.kit.located_yaml import parse_documents

if TYPE_CHECKING:
    from tests.experiment.experiment_bench import Bench

pytest_plugins = ("experiment_bench",)

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "experiments"
SHIPPED = [*sorted(FOLDER.glob("*.yaml")), *sorted((ROOT / "tests" / "golden" / "experiments").glob("*.yaml"))]
SCHEMA = Draft202012Validator(experiment_schema())
UPDATE = "rolling-update: {deployment: apple, set: {args: [-text=new]}, answer: new}"


def errors(text: str) -> list[str]:
    """Return what the schema refuses in the text of a file."""
    ((document,), _) = parse_documents(text, "")
    return [error.message for error in SCHEMA.iter_errors(document.value)]


def test_it_is_a_schema() -> None:
    """By the rules of its draft."""
    Draft202012Validator.check_schema(experiment_schema())


def test_the_shipped_file_is_current() -> None:
    """After a change of the parts, ``python -m harness.reference`` must have run."""
    assert (FOLDER / FILE).read_text(encoding="utf-8") == schema_text()


def test_the_command_prints_it(capfd: pytest.CaptureFixture[str]) -> None:
    """And nothing else, so that it can be saved."""
    assert schema() == 0
    assert json.loads(capfd.readouterr().out) == experiment_schema()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_experiment_is_valid(path: Path) -> None:
    """So that an editor marks nothing in it."""
    assert errors(path.read_text()) == []


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_experiment_names_the_schema(path: Path) -> None:
    """In its first line, as a file in the same folder."""
    assert path.read_text().splitlines()[0] == EDITOR_LINE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: small", "nam: small"),
        ("name: small", "name: small\nversion: 2"),
        ("name: small", "name: a--b"),
        ("name: small", "name: small\ntrials: 0"),
        ("name: small", "name: small\ningress: ngnix"),
        ("rate: 100/s", "rate: 100"),
        ("rate: 100/s", "rate: {from: 50/s, to: 500/s}"),
        ("rate: 100/s", "rate: []"),
        ("path: /apple", "path: apple"),
        ("answers: apple", "answer: apple"),
        ("pool: {size: 10}", "pool: {size: 10, order: filo}"),
        ("pool: {size: 10}", "baseline: 3"),
        ("pool: {size: 10}", "methods: [TRACE]"),
        ("pool: {size: 10}", "tls: {cert: x}"),
        ("    bare: {}", "    bare: {patches: []}"),
        ("  - none", "  - nothing"),
        ("  - none", "  - restart"),
        ("  - none", "  - {none: null, controller-restart: null}"),
        ("restart: {deployment: apple}", "restart: {deploment: apple}"),
        ("restart: {deployment: apple}", "restart: {}"),
        ("verdict: lossy", "verdict: lost"),
        ("verdict: lossy", "verdict: lossy, class: 502"),
        ("verdict: lossy", "verdict: lossy, class: lost"),
        ("verdict: lossy", "verdict: lossy, window: 3"),
        ("verdict: lossy", "verdict: lossy, hidden: -1"),
        ("verdict: lossy", "verdict: lossy, twice: some"),
    ],
)
def test_a_wrong_field_is_refused(bench: Bench, old: str, new: str) -> None:
    """By the schema, and by the harness."""
    assert errors(bench.path.read_text()) == []

    bench.edit("small.yaml", old, new)

    assert errors(bench.path.read_text())
    assert bench.problems()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rate: 100/s", "rate: {from: 50/s, to: 200/s, over: 30s}"),
        ("rate: 100/s", "rate: [{rate: 100/s, for: 9s}, {from: 100/s, to: 200/s, over: 1500ms}, {rate: 100/s}]"),
        ("paths: [{path: /apple, answers: apple}]", "paths: [/apple]"),
        ("name: small", "name: small\nexclude: null\nentry: null"),
        ("answers: apple", "answers: [apple], statuses: 200, regex: a"),
        ("    bare: {}", "    bare:"),
        ("{patch: patch.yaml}", "{patch: [patch.yaml, {kind: Deployment, spec: {replicas: 2}}]}"),
        ("  - none", "  - none: null"),
        ("  - none", "  - none: {hold: 5s}"),
        ("  - none", f"  - {UPDATE}"),
        ("verdict: lossy", "verdict: lossy, class: [status, reset], window: 2m, reason: why"),
        ("verdict: lossy", "verdict: any, hidden: 0, twice: 3"),
        ("{pod: bare, change: restart,", "{pod: [bare], change: [restart], configuration: bare,"),
    ],
)
def test_every_form_of_a_field_is_accepted(bench: Bench, old: str, new: str) -> None:
    """A short form, a list, or null, if the harness accepts it."""
    bench.edit("small.yaml", old, new)

    assert errors(bench.path.read_text()) == []
    assert bench.problems() == []


def test_it_refuses_nothing_that_the_harness_accepts(bench: Bench) -> None:
    """Any value at any place of the file: an editor marks no valid field."""
    document: dict[str, Any] = yaml.safe_load(bench.path.read_text())
    document["changes"] += MORE
    document["exclude"] = [{"pod": "graceful", "change": "scale"}]
    texts = {json.dumps(variant) for variant in variants(document) if isinstance(variant, dict)}
    refused = [text for text in texts if errors(text)]
    accepted = []
    for text in refused:
        bench.path.write_text(text)
        try:
            bench.load()
        except InvalidInputError:
            continue
        accepted.append(text)

    assert accepted == []
    assert len(refused) > len(texts) / 2
