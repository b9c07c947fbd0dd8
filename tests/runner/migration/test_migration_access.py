"""Tests of reading access logs for a migration: tries of nginx and Traefik, and error responses by path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import EvidenceError
from harness.judging.migration.sides import AccessFacts
from harness.runner.migration.access import access_of
from harness.runner.migration.plan import MigrationPlan, read_plan
from harness.store.records import to_json
from harness.testing.reports import sample_run

RUN = sample_run(("bare",), ("none",))


def logged(tmp_path: Path, *lines: dict[str, Any] | str) -> AccessFacts:
    """Return the facts of an access log with these lines."""
    folder = tmp_path / RUN.cells[0].trials[0].directory
    folder.mkdir(parents=True)
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    (folder / "access.jsonl").write_text(text, encoding="utf-8")
    return access_of(tmp_path, RUN)[RUN.cells[0].id]


def test_tries_are_counted_as_each_controller_logs_them(tmp_path: Path) -> None:
    """Nginx lists every endpoint that it tried, Traefik counts retries. Each request is counted once."""
    found = logged(
        tmp_path,
        {"uri": "/a", "status": 200, "upstream_addr": "127.1.1.1:80, 127.1.1.2:80"},
        {"uri": "/a", "status": 200, "upstream_addr": "127.1.1.1:80"},
        {"uri": "/a", "status": 200, "upstream_addr": "127.1.1.1:80", "retries": 2},
        {"uri": "/a", "status": 503, "upstream_addr": ""},
    )

    assert (found.lines, found.retried) == (4, 2)


def test_errors_are_counted_by_path_and_status(tmp_path: Path) -> None:
    """The query is ignored, answers below 400 are no errors, and an incomplete last line is ignored."""
    found = logged(
        tmp_path,
        {"uri": "/a?x=1", "status": 404},
        {"uri": "/a?x=2", "status": 404},
        {"uri": "/b", "status": 302},
        '{"uri": "/c", "sta',
    )

    assert found.errors == {"/a 404": 2}
    assert found.served == {"/b"}
    assert found.unserved() == {}


def test_a_route_is_unserved_after_half_a_minute(tmp_path: Path) -> None:
    """Errors during a bring-up are normal, and a path with one other answer is served."""
    found = logged(
        tmp_path,
        {"uri": "/a", "status": 404, "time": 1000.0},
        {"uri": "/b", "status": 404, "time": 1001.0},
        {"uri": "/b", "status": 200, "time": 1002.0},
        {"uri": "/a", "status": 404, "time": 1031.5},
    )

    assert (found.span_s, found.unserved()) == (31.5, {"/a 404": 2})


def test_a_missing_log_gives_no_facts(tmp_path: Path) -> None:
    """A trial without an access log is no error, and differs from one without retries."""
    assert access_of(tmp_path, RUN)[RUN.cells[0].id] == AccessFacts()


def test_another_folder_is_refused(tmp_path: Path) -> None:
    """The message has advice, and a damaged plan is named."""
    with pytest.raises(EvidenceError, match="not a migration's folder"):
        read_plan(tmp_path)
    (tmp_path / "migration.json").write_text("{")
    with pytest.raises(EvidenceError, match="damaged"):
        read_plan(tmp_path)


def test_the_plan_has_a_version(tmp_path: Path) -> None:
    """A plan of an earlier harness, without a version, is read; one of a later harness is refused."""
    plan = MigrationPlan("ingress-nginx", "traefik", "harness migrate")
    fields = to_json(plan)
    for written in (fields, {name: value for name, value in fields.items() if name != "version"}):
        (tmp_path / "migration.json").write_text(json.dumps(written))
        assert read_plan(tmp_path) == plan
    (tmp_path / "migration.json").write_text(json.dumps(fields | {"version": 2}))
    with pytest.raises(EvidenceError, match="reads version 1, not 2"):
        read_plan(tmp_path)


def test_two_sides_of_one_controller_have_folders_of_their_own() -> None:
    """A migration from a controller to the same one shows how much chance differs."""
    assert len(set(MigrationPlan("traefik", "traefik", "").directories)) == 2
