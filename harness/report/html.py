"""``index.html``: the whole report in one file that loads nothing else, so that it stays readable for years."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from harness import wording
from harness.report import answering, labels
from harness.report.blocks import Block, Chart, Detail
from harness.report.chart import trial as chart
from harness.report.document import Document, Section
from harness.report.embedding import as_json, as_script, policy
from harness.report.failure_data import packed
from harness.report.faults import FAULTS

#: Longest list of windows with losses, and of events, of a trial.
_WINDOWS, _EVENTS = 12, 1000


def render(document: Document) -> str:
    """Return the file's content."""
    templates = _environment()
    script = "\n" + templates.get_template("report.js").render()
    has_charts = any(isinstance(block, Chart) for block in _blocks(document.sections))
    library = chart_library() if has_charts and chart.is_installed() else ""
    return templates.get_template("document.html.j2").render(
        document=document,
        script=as_script(script),
        library=as_script(library),
        without_charts="" if library or not has_charts else chart.NOT_INSTALLED,
        policy=policy(script, library),
    )


@cache
def chart_library() -> str:
    """Return the script that draws charts. Bundling it takes more than a second, so a process does it once."""
    return chart.library()


def _blocks(sections: tuple[Section, ...]) -> Iterator[Block]:
    for section in sections:
        yield from section.blocks
        yield from _blocks(section.parts)


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
        "json": as_json,
    }
    made.globals |= {
        "page": Detail.PAGE,
        "answering": answering,
        "icons": labels.ICONS,
        "outcomes": labels.OUTCOMES,
        "faults": FAULTS,
        "most_windows": _WINDOWS,
        "most_events": _EVENTS,
        "between": wording.between,
    }
    return made
