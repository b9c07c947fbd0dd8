"""``index.html``: the whole answer in one file that needs nothing else, now or in ten years."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from harness.model.verdict import CellVerdict, RunVerdict, Weight
from harness.report import answering, sentences, words
from harness.report.chart import trial as chart

#: What each weight is called beside a finding.
WEIGHTS = {
    Weight.INSTRUMENT: "Can't be trusted",
    Weight.LOSS: "Lost",
    Weight.EVIDENCE: "Not enough evidence",
    Weight.NOTE: "Note",
}


def render(run: RunVerdict) -> str:
    """The document."""
    return environment().get_template("report.html.j2").render(run=run, cells=_by_place(run))


def _by_place(run: RunVerdict) -> dict[tuple[str, str], CellVerdict]:
    return {(cell.configuration, cell.change): cell for cell in run.cells}


@cache
def environment() -> Environment:
    """Templates, and the words that they use."""
    made = Environment(
        loader=PackageLoader("harness.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "count": words.count,
        "seconds": words.seconds,
        "duration": words.duration,
        "milliseconds": words.milliseconds,
        "plural": words.plural,
        "share": words.share,
        "ratio": words.ratio,
        "ranked": words.ranked,
        "expected": words.expected,
        "assumed": words.assumed,
        "cell_title": words.title,
        "stopped": words.stopped,
        "again": words.again,
        "reasons": sentences.reasons,
        "chart": chart.render,
        "legend": chart.legend,
        "exact": lambda calibration: all(planned == found for planned, found in calibration.values()),
        "moment": words.moment,
    }
    made.globals |= {
        "told": sentences,
        "answering": answering,
        "icons": words.ICONS,
        "outcomes": words.OUTCOMES,
        "between": words.between,
        "weights": WEIGHTS,
    }
    return made
