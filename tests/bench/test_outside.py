"""The clients that are separate programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bench import outside
from bench.jobs import Job, Result
from bench.measure import Spent
from bench.traffic import NAMES

JOB = Job("any", 80, seconds=1.0, connections=3)


def printing(text: str) -> Callable[..., Spent]:
    """Return a function like ``spend`` whose command prints ``text``, also into the file of k6's summary."""

    def spend(argv: Sequence[str], *, cpu: int | None = None) -> Spent:
        del cpu
        for word in argv:
            if word.startswith("--summary-export="):
                Path(word.partition("=")[2]).write_text(text, encoding="utf-8")
        return Spent(wall=1.0, cpu=0.5, peak=0, stdout=text, stderr="", code=0)

    return spend


def test_every_client_has_a_name_and_a_way_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that is missing is named with its command; none is missing where all are installed."""
    monkeypatch.setattr(outside, "has", lambda _program: False)
    text = outside.missing()
    monkeypatch.setattr(outside, "has", lambda _program: True)

    assert set(outside.OUTSIDE) <= set(NAMES)
    assert [name for name in outside.OUTSIDE if name not in text] == []
    assert "go install go.k6.io/k6@" in text
    assert outside.missing() == ""


def test_losses_of_vegeta_are_all_but_the_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its code 0 is a request without an answer."""
    report = {"requests": 416, "status_codes": {"200": 410, "0": 4, "503": 2}}
    monkeypatch.setattr(outside, "spend", printing(json.dumps(report)))

    assert outside.vegeta(JOB, None) == Result(requests=416, lost=6, cpu=0.5)


def test_losses_of_k6_are_its_failed_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rate counts as passed what has failed."""
    summary = {"metrics": {"http_reqs": {"count": 100}, "http_req_failed": {"passes": 7, "fails": 93}}}
    monkeypatch.setattr(outside, "spend", printing(json.dumps(summary)))

    assert outside.k6(JOB, None) == Result(requests=100, lost=7, cpu=0.5)


def test_a_client_that_sends_nothing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table with a zero would look like a result."""
    monkeypatch.setattr(outside, "spend", printing(json.dumps({"requests": 0, "status_codes": {}})))

    with pytest.raises(RuntimeError, match="ended with 0"):
        outside.vegeta(JOB, None)
