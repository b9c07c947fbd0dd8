"""Builds the report of a watch: a section for each origin, with its accounting and outages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from harness.findings.registry import reasons
from harness.model.verdict import Verdict
from harness.model.watch import OriginVerdict, WatchVerdict
from harness.report.blocks import (
    Account,
    Block,
    Chart,
    Detail,
    Evidence,
    Figures,
    Findings,
    Item,
    LatencyLine,
    OutageRow,
    OutageTable,
    Paragraph,
    Tone,
)
from harness.report.detector import calibration_of, detector
from harness.report.document import Case, Document, Level, Section, Status, Suite
from harness.report.labels import LABELS
from harness.report.traces import failures
from harness.report.watch_text import RULES, answer, began, classes, detection_limit, not_kept, totals
from harness.wording import count

_STATUS = {Verdict.LOSSLESS: Status.PASSED, Verdict.LOSSY: Status.FAILED, Verdict.INCONCLUSIVE: Status.UNKNOWN}


def document(watch: WatchVerdict) -> Document:
    """Return the report of a watch."""
    return Document(
        name="watch",
        heading=watch.urls,
        answer=answer(watch),
        totals=totals(watch),
        verdict=watch.verdict,
        exit_code=watch.exit_code,
        process_code=watch.exit_code,
        started=watch.started,
        seconds=watch.seconds,
        command=watch.command,
        again="To watch again",
        sections=tuple(_sections(watch)),
        environment=watch.environment,
        rules=RULES,
        suites=(Suite("watch", tuple(map(_case, watch.origins))),),
    )


def _sections(watch: WatchVerdict) -> Iterator[Section]:
    """Yield the origins. The totals are above them on the page, and below them in the terminal."""
    several = len(watch.origins) > 1
    total = (Account(identity=watch.identity),)
    if several:
        yield Section(names=("All origins",), key="all", blocks=total, detail=Detail.PAGE)
    for number, origin in enumerate(watch.origins, start=1):
        yield Section(
            names=(origin.url,),
            key=f"origin-{number}",
            level=Level.PART,
            verdict=origin.trial.verdict,
            aside=origin.address or "no address",
            blocks=tuple(_origin(origin)),
        )
    yield from detector([origin.trial for origin in watch.origins])
    if several:
        yield Section(names=("all origins",), level=Level.PART, blocks=total, detail=Detail.TERMINAL)


def _origin(origin: OriginVerdict) -> Iterator[Block]:
    trial, found = origin.trial, Findings(items=tuple(_items(origin)))
    if found.items:
        yield Findings(items=found.items, detail=Detail.PAGE)
    yield Chart(trial=trial)
    yield Account(identity=trial.identity)
    if trial.latency.max:
        yield LatencyLine(latency=trial.latency)
    yield OutageTable(rows=tuple(_rows(origin)), total=origin.outages_total)
    if found.items:
        yield Findings(items=found.items, detail=Detail.BRIEF)
    if fewer := not_kept(origin):
        yield Paragraph(text=fewer, is_small=True)
    if unseen := detection_limit(origin):
        yield Paragraph(text=unseen, is_small=True)
    if trial.failed.total:
        yield replace(failures(trial), detail=Detail.PAGE)
    yield Figures(trial=trial, is_watched=True)
    yield calibration_of(trial)
    if trial.directory:
        yield Evidence(directory=trial.directory)


def _items(origin: OriginVerdict) -> Iterator[Item]:
    for weight, sentence in reasons(origin.trial.findings, watched=True):
        yield Item(sentence, LABELS[weight], Tone(weight.value))


def _rows(origin: OriginVerdict) -> Iterator[OutageRow]:
    for outage in origin.outages:
        yield OutageRow(
            began=began(origin, outage),
            start=outage.start,
            seconds=outage.seconds,
            lost=outage.lost,
            sent=outage.sent,
            classes=classes(outage.classes),
            is_over=outage.is_over,
        )


def _case(origin: OriginVerdict) -> Case:
    trial = origin.trial
    sentences = [sentence for _, sentence in reasons(trial.findings, watched=True)]
    summary = f"{trial.verdict}: {count(trial.identity.lost_total)} of {count(trial.identity.sent)} lost"
    return Case(
        name=origin.url,
        group=("watch",),
        seconds=origin.seconds,
        status=_STATUS[trial.verdict],
        kind=trial.verdict,
        summary=summary,
        message=summary,
        reasons=tuple(f"{each.text} {each.advice}".rstrip() for each in sentences),
    )
