"""A synthetic run with every kind of result, for tests and examples of reports. Nothing of it was measured.

It has the cells of the demo. Its numbers fill every part of a report: expected losses, an unexpected one, an
inconclusive cell, and a cell with two trials.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from harness.findings.connections import ConnectionsCut
from harness.findings.losses import RequestsLost
from harness.findings.sending import BehindSchedule
from harness.model.accounts import Accounts, Fate, LogRecord, LogState, Party, UncertainCount
from harness.model.failed import FailedAttempt, FailedAttempts
from harness.model.shapes import DEFAULT_SHAPES, SHAPES
from harness.model.verdict import (
    CellVerdict,
    ConnectionCount,
    Finding,
    Identity,
    Latency,
    Mark,
    RunVerdict,
    Series,
    StreamCount,
    TrialVerdict,
    Verdict,
    Window,
)

CONFIGURATIONS = ("bare", "probe", "graceful")
CHANGES = ("none", "rolling-update", "delete-pod", "selector-patch", "ingress-edit")
#: Number of requests of each trial, and number and width in seconds of the chart's bins.
_SENT, _BINS, _WIDTH = 1000, 40, 0.25
#: Bins in which a lossy trial loses requests.
_LOSING = range(16, 21)
_OLD, _NEW, _OTHER = "apple-66f9d8c7b5-x7k2p", "apple-7c4f9bd6d8-9hq4m", "banana-5d9f7b8c4-q2w8z"
#: Number of kept-alive connections that an edit of the Ingress cuts.
_CUT = 12
#: Number of lost requests of each cell; and expected verdict, outcomes and reason if it is not lossless.
_LOST = {
    ("bare", "rolling-update"): 90,
    ("probe", "rolling-update"): 85,
    ("bare", "delete-pod"): 120,
    ("probe", "delete-pod"): 120,
    ("graceful", "delete-pod"): 75,
    ("graceful", "rolling-update"): 5,
}
_EXPECTED = {
    "rolling-update": ("lossy", ("status",), "The old pod stops before the ingress controller knows of the new one."),
    "delete-pod": ("lossy", ("status",), "A terminating endpoint is dropped at once, and nobody else is ready."),
    "ingress-edit": ("any", (), "A reload closes idle connections; see the connections cut."),
}


def sample_run(configurations: tuple[str, ...] = CONFIGURATIONS, changes: tuple[str, ...] = CHANGES) -> RunVerdict:
    """Return the demo's fifteen cells, or some of them, of which one is unexpectedly lossy and one inconclusive.

    Args:
        configurations: Some of ``CONFIGURATIONS``.
        changes: Some of ``CHANGES``.
    """
    cells = tuple(_cell(configuration, change) for configuration in configurations for change in changes)
    return RunVerdict(
        name="sample",
        description="Made up: nothing of this was measured.",
        exit_code=1,
        cells=cells,
        configurations=configurations,
        changes=changes,
        environment={"system": "Debian GNU/Linux 13", "cluster": "local", "python": "3.13.1"},
        command="harness run experiments/sample.yaml --only 'configuration=bare'",
        started="2026-01-02T03:04:05+00:00",
        seconds=83.0,
        thresholds={"gap in sending during the change (s)": (0.3, "A longer outage would go unseen.")},
    )


def _cell(configuration: str, change: str) -> CellVerdict:
    trials = _trials(configuration, change)
    expected, classes, reason = _EXPECTED.get(change, ("lossless", (), ""))
    if (configuration, change) == ("graceful", "rolling-update"):
        expected, classes, reason = "lossless", (), "preStop outlasts the ingress controller's delay."
    verdict = next((trial.verdict for trial in trials if trial.verdict is not Verdict.LOSSLESS), Verdict.LOSSLESS)
    numbered = ((trial, {"trial": trial.number} if len(trials) > 1 else {}) for trial in trials)
    return CellVerdict(
        id=f"{configuration}--{change}",
        configuration=configuration,
        change=change,
        change_kind=change,
        verdict=verdict,
        expected=expected,
        expected_classes=classes,
        expected_reason=reason,
        as_expected=verdict is not Verdict.INCONCLUSIVE and expected in ("any", verdict.value),
        findings=tuple(replace(f, numbers={**which, **f.numbers}) for t, which in numbered for f in t.findings),
        trials=trials,
        sent=sum(trial.identity.sent for trial in trials),
        lost=sum(trial.identity.lost_total for trial in trials),
        cut=sum(trial.connections.cut for trial in trials),
        hidden=_added([(trial.accounts.hidden, trial.accounts.hidden_unknown) for trial in trials if trial.accounts]),
        twice=_added([(trial.accounts.twice, trial.accounts.twice_unknown) for trial in trials if trial.accounts]),
    )


def _added(counts: list[tuple[int, int]]) -> UncertainCount:
    return UncertainCount(sum(known for known, _ in counts), sum(unknown for _, unknown in counts))


def _trials(configuration: str, change: str) -> tuple[TrialVerdict, ...]:
    lost = _LOST.get((configuration, change), 0)
    trial = replace(_trial(change, lost), directory=f"trials/{configuration}--{change}/1")
    if (configuration, change) == ("bare", "ingress-edit"):
        late = Finding(BehindSchedule.code, {"p99_ms": 180.0, "max_ms": 241.0, "limit_ms": 100.0})
        return (replace(trial, verdict=Verdict.INCONCLUSIVE, findings=(late, *trial.findings)),)
    if (configuration, change) == ("graceful", "rolling-update"):
        return trial, replace(_trial(change, 0), number=2, directory=f"trials/{configuration}--{change}/2")
    return (trial,)


def _trial(change: str, lost: int) -> TrialVerdict:
    failed = tuple(lost // len(_LOSING) if index in _LOSING else 0 for index in range(_BINS))
    cut = _CUT if change == "ingress-edit" else 0
    return TrialVerdict(
        number=1,
        directory="",
        verdict=Verdict.LOSSY if lost else Verdict.LOSSLESS,
        findings=(*([_requests_lost(lost)] if lost else []), *([_connections_cut()] if cut else [])),
        identity=Identity(_SENT, _SENT, 0, 0, 0, _SENT - lost, {"status": lost} if lost else {}, 0),
        streams=tuple(
            StreamCount(
                method, shape.word, "/apple", _SENT // 4, _SENT // 4 - part, {"status": part} if part else {}, 0
            )
            for (method, shape), part in zip(
                product(("GET", "POST"), DEFAULT_SHAPES), (lost // 4,) * 3 + (lost // 4 + lost % 4,), strict=True
            )
        ),
        connections=ConnectionCount(516, 16, cut, cut // 6, 31),
        latency=Latency(1.4, 9.2, 24.0, 1.9, 10.4, 25.1),
        phases=(Window(0, 3, "baseline"), Window(3, 7, "change"), Window(7, 9.5, "settle"), Window(9.5, 10, "drain")),
        pods=_pods(change),
        losing=(Window(4.0, 5.2, str(lost)),) if lost else (),
        marks=_marks(change),
        series=Series(
            bin_seconds=_WIDTH,
            start=0.0,
            sent=(_SENT // _BINS,) * _BINS,
            ok=tuple(_SENT // _BINS - n for n in failed),
            failed=failed,
            latency_p50=tuple(1.2 + index % 5 * 0.1 for index in range(_BINS)),
            latency_max=tuple(4.0 + index * 7 % 11 for index in range(_BINS)),
        ),
        responders={"apple-v1": 450, "apple-v2": 550 - lost},
        calibration={"rst-before": (8, 8), "hung": (8, 8), "status-502": (8, 8)},
        lateness_ms={"p50": 0.4, "p99": 6.1, "max": 8.9},
        pod_events=_pod_events(change),
        failed=FailedAttempts(lost, tuple(_failed(number, lost) for number in range(lost))),
        accounts=_accounts(change, lost),
    )


def _failed(number: int, lost: int) -> FailedAttempt:
    """Return the ``number``-th of some failed attempts, which are spread over the losing bins."""
    method, shape = list(product(("GET", "POST"), DEFAULT_SHAPES))[number % 4]
    at = round(4.0 + number * 1.2 / lost, 6)
    kept = SHAPES[shape].source.keeps
    connection = number % 16 + 1 if kept else 500 + number
    return FailedAttempt(
        id=f"sample-0-{400 + number}",
        method=method,
        path="/apple",
        shape=shape.word,
        outcome="status",
        status=502 if number % 3 else 503,
        progress="answered",
        answer="Bad Gateway" if number % 3 else "",
        planned=at - 0.001,
        sent=at,
        done=at + 0.004,
        connection=connection,
        carried=number % 16 if kept else 0,
        opened=0.5 if kept else at + 0.0005,
        closed=None if kept else at + 0.005,
        closed_by="" if kept else "by-us",
    )


def _accounts(change: str, lost: int) -> Accounts:
    """Return requests that were hidden and executed twice in one change, and unknown ones in another."""
    masked, twice = (37, 2) if change == "delete-pod" else (0, 0)
    unknown = 3 if change == "ingress-edit" else 0
    counts = {Fate.MASKED: masked, Fate.EXECUTED_TWICE: twice, Fate.LOST_AT_PROXY: lost, Fate.UNKNOWN: unknown}
    log = LogRecord(Party.PROXY, "", (LogState.COMPLETE,), _SENT)
    torn = LogRecord(Party.PROXY, "", (LogState.TORN,), _SENT - 1, 0, 1, ((3.3, 3.5),))
    return Accounts(
        sent=_SENT,
        fates={fate: counts.get(fate, 0) for fate in Fate} | {Fate.DELIVERED_ONCE: _SENT - sum(counts.values())},
        missing={party: unknown if party is Party.PROXY else 0 for party in Party},
        hidden_unknown=unknown,
        twice_unknown=0,
        logs=(torn if unknown else log,),
    )


def _requests_lost(lost: int) -> Finding:
    half = lost // 2
    shares = {"lost_get": half, "lost_post": lost - half, "lost_new": half, "lost_reused": lost - half}
    text = {"classes": f"status {lost}", "statuses": f"502 {chr(215)} {lost}"}
    times = {"first_s": 1.0, "last_s": 2.2, "window_s": 2.2}
    return Finding(RequestsLost.code, {"lost": lost, "sent": _SENT, **text, **times, **shares})


def _connections_cut() -> Finding:
    numbers = {"cut": _CUT, "by_rst": _CUT // 6, "pooled": 16, "lost_reused": 0, "looks": True}
    return Finding(ConnectionsCut.code, numbers)


def _pods(change: str) -> tuple[Window, ...]:
    other = Window(-2.0, 10.0, _OTHER, "ready")
    if change in ("rolling-update", "delete-pod"):
        leaves = 4.1 if change == "rolling-update" else 3.1
        old = (Window(-2.0, leaves, _OLD, "ready"), Window(leaves, leaves + 0.7, _OLD, "terminating"))
        return (*old, other, Window(3.1, 4.0, _NEW, "starting"), Window(4.0, 10.0, _NEW, "ready"))
    return Window(-2.0, 10.0, _OLD, "ready"), other


def _pod_events(change: str) -> tuple[Mark, ...]:
    if change != "rolling-update":
        return ()
    return (
        Mark(4.0, "pod", _NEW, "ready"),
        Mark(4.0, "endpoints", _NEW, "endpoint-added"),
        Mark(4.1, "pod", _OLD, "terminating"),
        Mark(4.12, "kubelet", _OLD, "stopping"),
        Mark(4.2, "endpoints", _OLD, "endpoint-removed"),
        Mark(4.8, "pod", _OLD, "gone"),
        Mark(5.2, "ingress", _NEW, "ingress-added"),
        Mark(5.2, "ingress", _OLD, "ingress-removed"),
    )


def _marks(change: str) -> tuple[Mark, ...]:
    applied = Mark(3.0, "change", change, "applied", "object Deployment/apple")
    observed = Mark(6.9, "change", change, "observed")
    if change == "none":
        return ()
    if change == "ingress-edit":
        return applied, Mark(3.4, "ingress", "ingress-nginx", "reload"), observed
    return (
        applied,
        Mark(4.0, "endpoints", "apple-service", "changed", "ready 127.9.1.2:5678"),
        Mark(4.1, "pod", _OLD, "terminating", "ip 127.9.1.1, grace 30"),
        Mark(5.2, "ingress", "ingress-nginx", "endpoints", "added 127.9.1.2:5678"),
        observed,
    )
