"""A cell behind one controller, in the figures that two controllers are held against each other by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median

from harness.model.controllers import SIGNALS
from harness.model.migration import CellSide
from harness.model.verdict import CellVerdict, Finding, FindingCode, Mark, TrialVerdict, Verdict, Weight

#: Seconds after which a route that was never served will not be: a run waits twice as long for it to begin.
_AT_LAST = 30.0
_ENDED_BY_STOP = (FindingCode.NOT_RUN, FindingCode.CUT_SHORT)


@dataclass(frozen=True, slots=True)
class Access:
    """What a cell's access logs tell.

    Attributes:
        lines: Requests in them.
        retried: Those that were tried more than once.
        errors: By ``/path status``, answers of 400 and above.
        served: Paths that had another answer.
        span_s: Seconds from the first line to the last.
    """

    lines: int = 0
    retried: int = 0
    errors: Mapping[str, int] = field(default_factory=dict)
    served: frozenset[str] = frozenset()
    span_s: float = 0.0

    def unserved(self) -> dict[str, int]:
        """Errors of paths that were asked for as long as no bring-up takes, and never had another answer."""
        if self.span_s < _AT_LAST:
            return {}
        return {key: n for key, n in self.errors.items() if key.rpartition(" ")[0] not in self.served}


def side_of(cell: CellVerdict, access: Access) -> CellSide:
    """A cell's figures, all trials together."""
    trials = [trial for trial in cell.trials if trial.identity.sent]
    classes: Counter[str] = Counter()
    for trial in trials:
        classes.update(trial.identity.lost)
    return CellSide(
        verdict=cell.verdict,
        stopped=_stopped(cell),
        findings=tuple(sorted({f.code.value for f in (*cell.findings, *_found(cell)) if f.weight is not Weight.NOTE})),
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


#: A cell that a run knows nothing of.
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
    """Seconds from each change of ready endpoints to the next word of the controller that it has taken some over."""
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


def _stopped(cell: CellVerdict) -> str:
    codes = [finding.code for finding in _found(cell)]
    absent, cut = (codes.count(code) for code in _ENDED_BY_STOP)
    if cell.verdict is not Verdict.INCONCLUSIVE or not absent + cut:
        return ""
    return "not run" if absent == len(cell.trials) else "cut short"


def _statuses(trial: TrialVerdict) -> str:
    return next((str(f.numbers.get("statuses", "")) for f in trial.findings if f.code is FindingCode.REQUESTS_LOST), "")


def _routes(trials: Iterable[TrialVerdict]) -> dict[str, str]:
    """How the lost requests of each method and route were lost; nothing for a route that lost none."""
    found: dict[str, Counter[str]] = {}
    for stream in (stream for trial in trials for stream in trial.streams):
        counter = found.setdefault(f"{stream.method} {stream.path}", Counter())
        counter.update({name: n for name, n in stream.lost.items() if n})
    return {
        route: ", ".join(f"{name} {n}" for name, n in sorted(counter.items()))
        for route, counter in sorted(found.items())
        if counter
    }
