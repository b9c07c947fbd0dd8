"""Summarizes a cell with one controller in the numbers by which two controllers are compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median

from harness.findings.losses import RequestsLost
from harness.findings.registry import weight_of
from harness.findings.stopping import stopped
from harness.model.controllers import SIGNALS
from harness.model.migration import CellSide
from harness.model.verdict import CellVerdict, Finding, Mark, TrialVerdict, Verdict, Weight

#: Seconds after which an unserved route counts as never served; a run waits twice as long for its entry.
_SERVED_WITHIN = 30.0


@dataclass(frozen=True, slots=True)
class AccessFacts:
    """Facts of a cell's access logs.

    Attributes:
        lines: Number of logged requests.
        retried: Requests that were tried more than once.
        errors: Number of answers with status 400 and above, by ``/path status``.
        served: Paths with at least one other answer.
        span_s: Seconds from the first line to the last.
    """

    lines: int = 0
    retried: int = 0
    errors: Mapping[str, int] = field(default_factory=dict)
    served: frozenset[str] = frozenset()
    span_s: float = 0.0

    def unserved(self) -> dict[str, int]:
        """Return the errors of paths without any other answer, if the logs cover more time than a bring-up takes."""
        if self.span_s < _SERVED_WITHIN:
            return {}
        return {key: n for key, n in self.errors.items() if key.rpartition(" ")[0] not in self.served}


def side_of(cell: CellVerdict, access: AccessFacts) -> CellSide:
    """Return a cell's numbers over all its trials."""
    trials = [trial for trial in cell.trials if trial.identity.sent]
    classes: Counter[str] = Counter()
    for trial in trials:
        classes.update(trial.identity.lost)
    return CellSide(
        verdict=cell.verdict,
        stopped=stopped(cell),
        findings=tuple(sorted({f.code for f in (*cell.findings, *_found(cell)) if weight_of(f) is not Weight.NOTE})),
        sent=cell.sent,
        lost=cell.lost,
        cut=cell.cut,
        p50=median(trial.latency.p50 for trial in trials) if trials else 0.0,
        p99=max((trial.latency.p99 for trial in trials), default=0.0),
        classes={name: n for name, n in sorted(classes.items()) if n},
        statuses="; ".join(text for text in map(_statuses, trials) if text),
        routes=_routes(trials),
        retried=access.retried,
        tries_logged=access.lines > 0,
        sync_s=max((delay for trial in trials for delay in delays(trial.marks)), default=-1.0),
        reloads=sum(mark.what == "reload" for trial in trials for mark in trial.marks),
    )


#: The side of a cell that a run does not have.
ABSENT = CellSide(
    verdict=Verdict.INCONCLUSIVE,
    stopped="not run",
    findings=(),
    sent=0,
    lost=0,
    cut=0,
    p50=0.0,
    p99=0.0,
    classes={},
    statuses="",
    routes={},
    retried=0,
    tries_logged=False,
    sync_s=-1.0,
    reloads=0,
)


def delays(marks: Iterable[Mark]) -> Iterator[float]:
    """Yield the seconds from each change of ready endpoints to the controller's next event that applies some."""
    waiting: list[float] = []
    ready: dict[str, str] = {}
    for mark in sorted(marks, key=lambda mark: mark.at):
        if mark.kind == "endpoints" and mark.what == "changed":
            before, now = ready.get(mark.subject), _ready(mark.text)
            ready[mark.subject] = now
            if before is not None and before != now:
                waiting.append(mark.at)
        elif mark.kind == "ingress" and mark.what in SIGNALS:
            yield from (mark.at - at for at in waiting)
            waiting.clear()


def _ready(text: str) -> str:
    return next((part for part in text.split(", ") if part.startswith("ready ")), "")


def _found(cell: CellVerdict) -> Iterator[Finding]:
    for trial in cell.trials:
        yield from trial.findings


def _statuses(trial: TrialVerdict) -> str:
    return next((lost.statuses for lost in RequestsLost.among(trial.findings)), "")


def _routes(trials: Iterable[TrialVerdict]) -> dict[str, str]:
    """Return the classes of the lost requests by method and route; routes without losses are omitted."""
    found: dict[str, Counter[str]] = {}
    for stream in (stream for trial in trials for stream in trial.streams):
        counter = found.setdefault(f"{stream.method} {stream.path}", Counter())
        counter.update({name: n for name, n in stream.lost.items() if n})
    return {
        route: ", ".join(f"{name} {n}" for name, n in sorted(counter.items()))
        for route, counter in sorted(found.items())
        if counter
    }
