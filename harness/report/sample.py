"""A made-up run with every kind of answer in it, for tests of reports and for looking at them.

Nothing of it was measured. The numbers are such that every part of a report has something to show.
"""

from __future__ import annotations

from dataclasses import replace

from harness.model.verdict import (
    CellVerdict,
    ConnectionCount,
    Finding,
    FindingCode,
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

_BINS = 40
_WIDTH = 0.25
#: Bins in which the lossy trial loses requests.
_LOSING = range(16, 21)
_OLD, _NEW = "apple-66f9d8c7b5-x7k2p", "apple-7c4f9bd6d8-9hq4m"


def sample_run() -> RunVerdict:
    """Two configurations, three changes; one cell unexpected, one inconclusive, one not run."""
    return RunVerdict(
        name="sample",
        description="Made up: nothing of this was measured.",
        exit_code=1,
        cells=(
            _cell("bare", "none", "none", _trial(0)),
            _cell("bare", "rolling-update", "rolling-update", _trial(90), expected="lossy", classes=("status",)),
            _unknown(),
            _cell("graceful", "none", "none", _trial(0)),
            _cell("graceful", "rolling-update", "rolling-update", _trial(5), reason="preStop outlasts the controller."),
        ),
        configurations=("bare", "graceful"),
        changes=("none", "rolling-update", "ingress-edit"),
        environment={"system": "Debian GNU/Linux 13", "cluster": "local", "python": "3.13.1"},
        command="harness run experiments/sample.yaml --only 'configuration=bare'",
        started="2026-01-02T03:04:05+00:00",
        seconds=83.0,
        thresholds={"gap in sending during the change (s)": (0.3, "A longer outage would go unseen.")},
    )


def _unknown() -> CellVerdict:
    trial = replace(_trial(0, cut=12), verdict=Verdict.INCONCLUSIVE, findings=(_late(), _cut()))
    return _cell("bare", "ingress-edit", "ingress-edit", trial, expected="any")


def _late() -> Finding:
    return Finding(FindingCode.BEHIND_SCHEDULE, {"p99_ms": 180.0, "max_ms": 241.0, "limit_ms": 100.0})


def _cut() -> Finding:
    return Finding(FindingCode.CONNECTIONS_CUT, {"cut": 12, "by_rst": 2, "pooled": 16, "lost_reused": 0, "looks": True})


def _lost(lost: int) -> Finding:
    half = lost // 2
    numbers: dict[str, str | int | float] = {
        "lost": lost,
        "sent": 1000,
        "classes": f"status {lost}",
        "statuses": f"502 {chr(215)} {lost}",
        "first_s": 1.0,
        "last_s": 2.2,
        "window_s": 2.2,
        "lost_get": half,
        "lost_post": lost - half,
        "lost_new": half,
        "lost_reused": lost - half,
    }
    return Finding(FindingCode.REQUESTS_LOST, numbers)


def _cell(
    configuration: str,
    change: str,
    kind: str,
    trial: TrialVerdict,
    *,
    expected: str = "lossless",
    classes: tuple[str, ...] = (),
    reason: str = "",
) -> CellVerdict:
    verdict = trial.verdict
    return CellVerdict(
        id=f"{configuration}--{change}",
        configuration=configuration,
        change=change,
        change_kind=kind,
        verdict=verdict,
        expected=expected,
        expected_classes=classes,
        expected_reason=reason,
        as_expected=verdict is not Verdict.INCONCLUSIVE and expected in ("any", verdict.value),
        findings=trial.findings,
        trials=(replace(trial, directory=f"trials/{configuration}--{change}/1"),),
        sent=trial.identity.sent,
        lost=trial.identity.lost_total,
        cut=trial.connections.cut,
    )


def _trial(lost: int, *, cut: int = 0) -> TrialVerdict:
    per_bin = 1000 // _BINS
    failed = tuple(lost // len(_LOSING) if index in _LOSING else 0 for index in range(_BINS))
    classes = {"status": lost} if lost else {}
    half = {"status": lost // 2} if lost else {}
    return TrialVerdict(
        number=1,
        directory="trials/sample/1",
        verdict=Verdict.LOSSY if lost else Verdict.LOSSLESS,
        findings=(_lost(lost),) if lost else (),
        identity=Identity(1000, 1000, 0, 0, 0, 1000 - lost, classes, 0),
        streams=tuple(
            StreamCount("GET", shape, "/apple", 500, 500 - lost // 2, half, 0) for shape in ("new", "reused")
        ),
        connections=ConnectionCount(516, 16, cut, cut // 6, 31),
        latency=Latency(1.4, 9.2, 24.0, 1.9, 10.4, 25.1),
        phases=(Window(0, 3, "baseline"), Window(3, 7, "change"), Window(7, 10, "settle")),
        pods=(
            Window(-2.0, 4.1, _OLD, "ready"),
            Window(4.1, 4.8, _OLD, "terminating"),
            Window(3.1, 4.0, _NEW, "starting"),
            Window(4.0, 10.0, _NEW, "ready"),
        ),
        losing=(Window(4.0, 5.2, str(lost)),) if lost else (),
        marks=_marks(reloads=bool(cut)),
        series=Series(
            bin_seconds=_WIDTH,
            start=0.0,
            sent=(per_bin,) * _BINS,
            ok=tuple(per_bin - n for n in failed),
            failed=failed,
            latency_p50=tuple(1.2 + index % 5 * 0.1 for index in range(_BINS)),
            latency_max=tuple(4.0 + index * 7 % 11 for index in range(_BINS)),
        ),
        responders={"apple-v1": 450, "apple-v2": 550 - lost},
        calibration={"rst-before": (8, 8), "hung": (8, 8)},
        lateness_ms={"p50": 0.4, "p99": 6.1, "max": 8.9},
    )


def _marks(*, reloads: bool) -> tuple[Mark, ...]:
    return (
        Mark(3.0, "change", "rolling-update", "applied", "object Deployment/apple"),
        Mark(4.0, "endpoints", "apple-service", "changed", "ready 127.9.1.2:5678"),
        Mark(4.1, "pod", _OLD, "terminating", "ip 127.9.1.1, grace 30"),
        Mark(5.2, "ingress", "ingress-nginx", "reload" if reloads else "endpoints", "added 127.9.1.2:5678"),
        Mark(6.9, "change", "rolling-update", "observed", ""),
    )
