"""The trace of a request, from stored evidence."""

from __future__ import annotations

import golden
import pytest

from harness.errors import EvidenceError
from harness.report.request_trace import text_of
from harness.runner.explain import request_traces
from harness.store.rundir import RunDirectory

CELL = "bare--rolling-update"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """The golden run `lifecycle`."""
    return RunDirectory.open(golden.unpack("lifecycle", tmp_path_factory.mktemp("explain")).path)


def test_one_story_for_each_cause(run: RunDirectory) -> None:
    """Without an id, the first lost request of each cause is shown."""
    assert [trace.attempt.cause for trace in request_traces(run, cells=CELL)] == [
        "listener-closed-early",
        "network-silent",
    ]


def test_the_story_has_tries_pod_events_and_cause(run: RunDirectory) -> None:
    """The first lost request met a closed listener three times."""
    (trace,) = request_traces(run, cells=CELL, attempt="31c496fb-0-91")
    text = text_of(trace)

    assert trace.tries is not None
    assert trace.tries.addresses == ("127.44.1.1:5678",) * 3
    assert {"sigterm", "pod-deleted", "network-removed", "ingress-synced"} <= {event.event for event in trace.events}
    assert [event.offset_ms for event in trace.events] == sorted(event.offset_ms for event in trace.events)
    for part in ("POST /apple", "try 3: 127.44.1.1:5678 gave 502", "meant for apple-zd7rn6qpjd-gd9ml", "kubectl patch"):
        assert part in text


def test_a_request_that_was_answered_has_no_cause(run: RunDirectory) -> None:
    """Its tries are read, too; nothing is made up for it."""
    (trace,) = request_traces(run, cells=CELL, attempt="0-12")

    assert trace.cause is None
    assert trace.tries is not None
    assert "it has no cause" in text_of(trace)


@pytest.mark.parametrize("attempt", ["zzz", "0-999999", "other-0-91", "91"])
def test_an_unknown_request_is_refused(run: RunDirectory, attempt: str) -> None:
    """The message names the command that lists ids."""
    with pytest.raises(EvidenceError, match="has no request"):
        request_traces(run, cells=CELL, attempt=attempt)


def test_an_unknown_cell_is_refused(run: RunDirectory) -> None:
    """The message lists the cells."""
    with pytest.raises(EvidenceError, match="has no cell 'nowhere'"):
        request_traces(run, cells="nowhere")
