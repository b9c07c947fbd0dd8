"""``index.html``: the whole report in one file that loads nothing else, so that it stays readable for years."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from harness import wording
from harness.report import answering, labels
from harness.report.blocks import Detail
from harness.report.chart import trial as chart
from harness.report.document import Document
from harness.report.failure_data import packed


def render(document: Document) -> str:
    """Return the file's content."""
    return _environment().get_template("document.html.j2").render(document=document)


@cache
def _environment() -> Environment:
    """Return the templates, with the functions that they call."""
    made = Environment(
        loader=PackageLoader("harness.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "count": wording.count,
        "milliseconds": wording.milliseconds,
        "plural": wording.plural,
        "share": wording.share,
        "ratio": wording.ratio,
        "ranked": wording.ranked,
        "moment": wording.moment,
        "length_of": wording.length,
        "again": labels.again,
        "kind": lambda part: type(part).__name__.lower(),
        "chart": chart.render,
        "legend": chart.legend,
        "packed": packed,
        "exact": lambda calibration: all(planned == found for planned, found in calibration.values()),
    }
    made.globals |= {
        "page": Detail.PAGE,
        "answering": answering,
        "icons": labels.ICONS,
        "outcomes": labels.OUTCOMES,
        "between": wording.between,
    }
    return made
