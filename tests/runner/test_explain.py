"""The trace of a request, from stored evidence."""

from __future__ import annotations

import golden
import pytest

from harness.analysis.moments import NS
from harness.errors import EvidenceError
from harness.report.request_trace import text_of
from harness.runner.evidence import read_outcome
from harness.runner.explain import request_traces
from harness.store.rundir import RunDirectory

CELL = "bare--rolling-update"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """The golden run `lifecycle`."""
    return RunDirectory.open(golden.unpack("lifecycle", tmp_path_factory.mktemp("explain")).path)


def test_one_trace_for_each_cause(run: RunDirectory) -> None:
    """Without an id, the first lost request of each cause is shown."""
    assert [trace.attempt.cause for trace in request_traces(run, cells=CELL)] == [
        "listener-closed-early",
        "network-silent",
    ]


def test_the_trace_has_tries_pod_events_and_cause(run: RunDirectory) -> None:
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


def receipt_lines(run: RunDirectory, attempt: str, sent: float) -> list[str]:
    """Return the lines of a process that read a request 2 ms and answered it 5 ms after it was sent.

    The pod's monotonic clock began at another time than that of the trial, as on another machine.
    """
    trial = run.trial(CELL, 1)
    outcome = read_outcome(trial, [])
    wall = outcome.clock.to_wall(outcome.origin_ns) + round(sent * NS)
    ms = NS // 1000
    return [
        f"receipt 0 start 1 pod-a file {7 * NS} {wall}\n",
        f"receipt 1 read {attempt} {7 * NS + 2 * ms}\n",
        f"receipt 2 answered {attempt} {7 * NS + 5 * ms} 200\n",
        f"receipt 3 read {attempt}5 {7 * NS + 6 * ms}\n",
        f"receipt 4 end {8 * NS}\n",
    ]


def test_receipts_are_part_of_the_trace(run: RunDirectory) -> None:
    """Their times are converted by the wall clock; a longer id with the same beginning is another request's."""
    (before,) = request_traces(run, cells=CELL, attempt="31c496fb-0-91")
    file = run.trial(CELL, 1).logs / "pods" / "pod-a_apple.receipts"
    sent = before.attempt.sent
    assert sent is not None
    lines = receipt_lines(run, "31c496fb-0-91", sent)

    file.write_text("".join(lines))
    try:
        (trace,) = request_traces(run, cells=CELL, attempt="31c496fb-0-91")
        text = text_of(trace)
        (other,) = request_traces(run, cells=CELL, attempt="31c496fb-0-92")
        file.write_text("".join(lines[1:]))
        (unplaced,) = request_traces(run, cells=CELL, attempt="31c496fb-0-91")
    finally:
        file.unlink()

    assert (before.receipts, other.receipts) == ((), ())
    assert [(each.pod, each.what, each.status) for each in trace.receipts] == [
        ("pod-a", "read", 0),
        ("pod-a", "answered", 200),
    ]
    assert [each.at for each in trace.receipts] == pytest.approx([sent + 0.002, sent + 0.005], abs=1e-6)
    assert "receipt: pod-a read it, +2.0 ms" in text
    assert "receipt: pod-a answered it with 200, +5.0 ms" in text
    assert [each.at for each in unplaced.receipts] == [None, None]
    assert "read it, at an unknown time" in text_of(unplaced)


def test_the_trace_says_whether_pods_wrote_receipts(run: RunDirectory) -> None:
    """A missing receipt proves something only if there are others."""
    (without,) = request_traces(run, cells=CELL, attempt="31c496fb-0-91")
    file = run.trial(CELL, 1).logs / "pods" / "pod-a_apple.receipts"

    file.write_text("".join(receipt_lines(run, "31c496fb-0-92", 1.0)))
    try:
        (with_others,) = request_traces(run, cells=CELL, attempt="31c496fb-0-91")
    finally:
        file.unlink()

    assert "receipts: no pod wrote receipts" in text_of(without)
    assert "receipts: none of 1 pod that wrote receipts has one of it" in text_of(with_others)
    assert "fate: lost at the proxy" in text_of(without)


@pytest.mark.parametrize("attempt", ["zzz", "0-999999", "other-0-91", "91"])
def test_an_unknown_request_is_refused(run: RunDirectory, attempt: str) -> None:
    """The message names the command that lists ids."""
    with pytest.raises(EvidenceError, match="has no request"):
        request_traces(run, cells=CELL, attempt=attempt)


def test_an_unknown_cell_is_refused(run: RunDirectory) -> None:
    """The message lists the cells."""
    with pytest.raises(EvidenceError, match="has no cell 'nowhere'"):
        request_traces(run, cells="nowhere")
