"""Builds the report of a history: a sparkline and a state for each cell, and a list of all runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.analysis.baselines import BASELINE_RULE, LEAST_RUNS
from harness.findings.finding_type import Sentence
from harness.model.history import CellTrend, History, HistoryEntry, TrendState
from harness.model.verdict import Verdict
from harness.report.blocks import Detail, Findings, Item, RunList, RunRow, Tone
from harness.report.document import Column, Conclusion, Document, Row, Section, Table
from harness.wording import count, listed, moment, plural, probability, ratio

_WORDS = {
    TrendState.STEADY: "steady",
    TrendState.REGRESSED: "regressed",
    TrendState.IMPROVED: "improved",
    TrendState.FLAKY: "flaky",
    TrendState.ALWAYS_BAD: "always against the expectation",
    TrendState.NEW: "new: too early to tell",
    TrendState.CLEARED: "cleared: too early to call it fixed",
    TrendState.UNKNOWN: "no answer",
}
_VERDICTS = {
    TrendState.CLEARED: Verdict.LOSSLESS,
    TrendState.STEADY: Verdict.LOSSLESS,
    TrendState.IMPROVED: Verdict.LOSSLESS,
    TrendState.UNKNOWN: Verdict.INCONCLUSIVE,
    TrendState.NEW: Verdict.INCONCLUSIVE,
}
_TONES = {
    TrendState.STEADY: Tone.NOTE,
    TrendState.IMPROVED: Tone.NOTE,
    TrendState.CLEARED: Tone.NOTE,
    TrendState.UNKNOWN: Tone.EVIDENCE,
}
#: States that the answer names, the most urgent first.
_NOTABLE = (TrendState.REGRESSED, TrendState.NEW, TrendState.FLAKY, TrendState.ALWAYS_BAD)
#: Signs of a sparkline: the share of bad transitions of a run, from none to all.
_BARS = "▁▂▃▄▅▆▇█"
#: Sign of a run without an answer.
_NO_ANSWER = "·"
#: Number of runs in a sparkline; the latest ones.
_SHOWN = 30
#: Length of a commit in a sentence.
_COMMIT = 12
RULES = (
    (
        "Fisher's exact test compares the transitions before and since each run. If the largest difference has p up to "
        "0.05, multiplied by the number of possible runs, the cell has regressed or improved since that run."
    ),
    (
        "Otherwise a cell that is against its expectation now and then is flaky. If only its last runs are so, it is "
        "too early to tell: confirm it with `harness run --confirm N`."
    ),
    "Runs without an answer count for neither side. They are shown as a dot.",
    BASELINE_RULE,
)


def document(history: History, name: str) -> Document:
    """Return the report of a history."""
    last = history.entries[-1] if history.entries else None
    return Document(
        name=name,
        heading=("All runs",),
        answer=answer(history),
        totals=f"{plural(len(_runs(history)), 'run')} of {plural(len(history.trends), 'cell')}.",
        exit_code=0,
        process_code=0,
        started=last.started if last else "",
        seconds=0.0,
        command="",
        table=_table(history),
        sections=tuple(_sections(history)),
        rules=RULES,
        suites=(),
    )


def answer(history: History) -> str:
    """Return the state of all cells in one sentence."""
    parts = [_part(history, state) for state in _NOTABLE]
    text = "; ".join(filter(None, parts))
    if text:
        return f"{text[0].upper()}{text[1:]}."
    if not history.trends:
        return "No run yet."
    unknown = sum(trend.state is TrendState.UNKNOWN for trend in history.trends)
    if unknown:
        return f"No answer for {count(unknown)} of {plural(len(history.trends), 'cell')}."
    return "No cell has regressed, and none is flaky."


def sentence(trend: CellTrend) -> Sentence:
    """Return the trend of a cell in a sentence, with advice."""
    first, good = trend.first_bad, trend.last_good
    text = f"{title(trend)}: {_WORDS[trend.state]}."
    if first is None:
        return Sentence(text, "")
    # A regression has a first run. Of other states it is only the earliest one.
    word = "since" if trend.state in {TrendState.REGRESSED, TrendState.NEW} else "first in"
    text = f"{text[:-1]}, {word} the run of {_run(first)}"
    if trend.state is TrendState.REGRESSED:
        text += f" (chance alone: p {probability(trend.chance)})"
    text += f"; {ratio(trend.share.low)} to {ratio(trend.share.high)} of its transitions are against the expectation."
    if good is not None:
        text += f" The last good run before was that of {_run(good)}."
        changed = [f"{name} {old or 'none'} → {new or 'none'}" for name, (old, new) in trend.changed.items()]
        text += f" Between them changed: {listed(changed)}." if changed else " No version changed between them."
    return Sentence(text, _ADVICE.get(trend.state, ""))


_ADVICE = {
    TrendState.NEW: "harness run --confirm 10 tells a flaky cell from a regression.",
    TrendState.FLAKY: "Each of these losses is real; the reports name their causes.",
}


def sparkline(entries: Sequence[HistoryEntry]) -> str:
    """Return a sign for each run, the oldest first: a bar for the share of bad transitions, a dot without an answer."""
    return "".join(_bar(entry) for entry in entries[-_SHOWN:])


def title(trend: CellTrend) -> str:
    """Return the name of the runs, with configuration and change."""
    return f"{trend.experiment}: {trend.configuration} × {trend.change}"  # noqa: RUF001 - typography


def _bar(entry: HistoryEntry) -> str:
    if not entry.is_known:
        return _NO_ANSWER
    # Any bad transition is visible.
    level = round(entry.bad / (entry.bad + entry.good) * (len(_BARS) - 1))
    return _BARS[max(level, 1) if entry.bad else 0]


def _part(history: History, state: TrendState) -> str:
    found = [trend for trend in history.trends if trend.state is state]
    if not found:
        return ""
    if state is TrendState.REGRESSED:
        return "; ".join(f"regressed: {title(each)} since {_run(each.first_bad)}" for each in found if each.first_bad)
    return f"{_WORDS[state]}: {listed([title(each) for each in found])}"


def _run(entry: HistoryEntry) -> str:
    commit = f", commit {entry.commit[:_COMMIT]}" if entry.commit else ""
    return f"{moment(entry.started)}{commit}"


def _table(history: History) -> Table:
    return Table(
        title="Each cell over its runs",
        corner="Cell",
        columns=(Column("runs, the latest last"), Column("state"), Column("first bad run")),
        rows=tuple(
            Row((trend.configuration, trend.change, trend.experiment), (_runs_of(trend), _state(trend), _first(trend)))
            for trend in history.trends
        ),
        note="A bar is the share of a run's transitions that are against the expectation; a dot is no answer.",
    )


def _runs_of(trend: CellTrend) -> Conclusion:
    verdict = _VERDICTS.get(trend.state, Verdict.LOSSY)
    return Conclusion(text=sparkline(trend.entries), code="sparkline", verdict=verdict)


def _state(trend: CellTrend) -> Conclusion:
    is_alarm = trend.state is TrendState.REGRESSED
    verdict = _VERDICTS.get(trend.state, Verdict.LOSSY)
    return Conclusion(text=_WORDS[trend.state], code=trend.state.value, verdict=verdict, is_alarm=is_alarm)


def _first(trend: CellTrend) -> Conclusion:
    text = _run(trend.first_bad) if trend.first_bad else "none"
    return Conclusion(text=text, code="first", verdict=_VERDICTS.get(trend.state, Verdict.LOSSY))


def _sections(history: History) -> Iterator[Section]:
    notable = [trend for trend in history.trends if trend.state is not TrendState.STEADY]
    if notable:
        items = tuple(Item(sentence(t), _WORDS[t.state], _TONES.get(t.state, Tone.LOSS)) for t in notable)
        yield Section(names=("Cells to look at",), key="cells", blocks=(Findings(items=items),))
    if history.trends:
        items = tuple(Item(Sentence(_baselines(trend), ""), "baseline", Tone.NOTE) for trend in history.trends)
        yield Section(names=("Baselines",), key="baselines", blocks=(Findings(items=items),))
    if rows := _runs(history):
        yield Section(names=("Runs",), key="runs", blocks=(RunList(rows=tuple(reversed(rows))),), detail=Detail.PAGE)


def _baselines(trend: CellTrend) -> str:
    runs = max((each.runs for each in trend.baselines), default=0)
    if runs < LEAST_RUNS:
        return f"{title(trend)}: no baseline yet, {count(runs)} of {LEAST_RUNS} runs."
    values = [
        f"{each.measure} {each.value:g}, usually up to {each.high:g}{' (above)' if each.is_above else ''}"
        for each in trend.baselines
    ]
    return f"{title(trend)}: {'; '.join(values)}."


def _runs(history: History) -> tuple[RunRow, ...]:
    """Return a row for each run, the oldest first."""
    runs: dict[str, list[HistoryEntry]] = {}
    for entry in history.entries:
        runs.setdefault(entry.run, []).append(entry)
    return tuple(_row(entries) for entries in runs.values())


def _row(entries: Sequence[HistoryEntry]) -> RunRow:
    bad, unknown = sum(entry.bad > 0 for entry in entries), sum(not entry.is_known for entry in entries)
    verdict = Verdict.LOSSY if bad else Verdict.INCONCLUSIVE if unknown else Verdict.LOSSLESS
    first = entries[0]
    return RunRow(
        started=first.started,
        name=first.experiment,
        link=f"{first.directory}/index.html",
        commit=first.commit,
        text=f"{plural(len(entries), 'cell')}, {bad} against the expectation, {unknown} without an answer",
        verdict=verdict,
    )
