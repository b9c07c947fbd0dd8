"""Turns the chart of a trial into a file of its own, for pages without the styles and scripts of reports."""

from __future__ import annotations

import re
from importlib import resources

from harness.report.chart.drawing import FONT

#: Space around the drawing, in its own units.
_MARGIN = 8
_FONT = "system-ui, 'Noto Sans', 'DejaVu Sans', sans-serif"
_VALUE = re.compile(r"var\((--[\w-]+)\)")
_DEFINED = re.compile(r"(--[\w-]+):\s*(#[0-9a-f]+)")


def standalone(svg: str) -> str:
    """Return a chart as the text of an SVG file, with the colours and the background of a report in light mode.

    Args:
        svg: The ``<svg>`` element of ``harness.report.chart.trial.render``.

    Raises:
        KeyError: The chart has a colour that the styles of reports do not define.
    """
    head, _, body = svg.partition(">")
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', head)
    label = re.search(r'aria-label="([^"]*)"', head)
    assert size is not None
    assert label is not None
    width, height = (float(each) + 2 * _MARGIN for each in size.groups())
    colours = light_colours()
    drawn = _VALUE.sub(lambda found: colours[found[1]], body).replace(f'"{FONT}"', f'"{_FONT}"')
    box = f"{-_MARGIN} {-_MARGIN} {width:g} {height:g}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" width="{width:g}" role="img" '
        f'aria-label="{label[1]}">'
        f'<rect x="{-_MARGIN}" y="{-_MARGIN}" width="{width:g}" height="{height:g}" fill="{colours["--surface"]}"/>'
        f"{drawn}\n"
    )


def light_colours() -> dict[str, str]:
    """Return the colours of reports by their names, for light surroundings."""
    style = resources.files("harness.report").joinpath("templates", "style.css").read_text(encoding="utf-8")
    return dict(_DEFINED.findall(style.partition("@media")[0]))
