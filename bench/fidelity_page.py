"""Generates the tables that compare local clusters with real ones.

In ``docs/explanation/measurements.md`` it writes the tables between markers. Explanations outside of them are written
by hand. The same measurements give the same bytes: dates and machines are those of the runs.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.fidelity_cells import CellFacts
from bench.fidelity_compared import QUESTIONS, Cells, Compared, is_control
from bench.fidelity_delays import SHARES, quantiles
from bench.fidelity_state import Key, Measured
from bench.tables import table

Delays = Mapping[str, Sequence[float]]

#: Minimum number of values of a distribution.
_ENOUGH = 3
#: Properties of the environment to show.
_SHOWN = ("processor", "memory", "system", "python", "harness", "cluster", "kubernetes", "kube-proxy", "ingress")


def write_page(compared: Compared, page: Path, figures: Path) -> None:
    """Write the tables between the page's markers, or at its end without markers, and write the figures to a file."""
    text = page.read_text(encoding="utf-8") if page.exists() else "# Fidelity\n"
    blocks = {
        "summary": compared.summary,
        "where": _where(compared),
        "cells": _cells(compared),
        "controls": _controls(compared),
        "missing": _missing(compared),
        "delays": _delays(compared),
    }
    for name, body in blocks.items():
        text = _replaced(text, f"fidelity-{name}", body)
    page.write_text(text, encoding="utf-8")
    figures.write_text(json.dumps(_figures(compared), indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _replaced(text: str, name: str, body: str) -> str:
    begin, end = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
    block = f"{begin}\n{body}\n{end}"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    return pattern.sub(lambda _: block, text) if pattern.search(text) else f"{text}\n{block}\n"


def _where(compared: Compared) -> str:
    rows = [
        ("runs", *(str(side.parts) for side in _sides(compared))),
        ("from (UTC)", *(side.days[0] for side in _sides(compared))),
        ("to (UTC), the last one's beginning", *(side.days[1] for side in _sides(compared))),
    ]
    rows += [(name, *(side.environment.get(name, "") for side in _sides(compared))) for name in _SHOWN]
    return table(("", "local", "kind"), rows)


def _sides(compared: Compared) -> tuple[Measured, Measured]:
    return compared.local, compared.kind


def _cells(compared: Compared) -> str:
    heads = ("cell", "verdicts, local", "kind", "lost each time, local", "kind", "losses from, for (s), local", "kind",
             "classes, local", "kind", "differs in")  # fmt: skip
    rows, experiment = [], ""
    for key in compared.alike:
        if is_control(key):
            continue
        if key[0] != experiment:
            experiment = key[0]
            rows.append((f"**{experiment}**", *[""] * (len(heads) - 1)))
        rows.append(_row(key, compared))
    return table(heads, rows)


def _row(key: Key, compared: Compared) -> tuple[str, ...]:
    one, other = compared.local_cells[key], compared.kind_cells[key]
    differs = [what for what in QUESTIONS if getattr(compared.alike[key], what) is False]
    return (
        key[1], _verdicts(one), _verdicts(other), _lost(one), _lost(other), _window(one), _window(other),
        _classes(one), _classes(other), ", ".join(differs),
    )  # fmt: skip


def _verdicts(facts: CellFacts) -> str:
    """Return the number of trials by verdict, and of those that do not count."""
    parts = [f"{count} {word}" for word, count in sorted(facts.verdicts.items())]
    parts += [f"{facts.inconclusive} inconclusive"] if facts.inconclusive else []
    return ", ".join(parts + ([f"{facts.aside} left out"] if facts.aside else []))


def _lost(facts: CellFacts) -> str:
    """Return the median, minimum and maximum of lost requests over all transitions."""
    counts = sorted(each.lost for each in facts.transitions)
    if not counts or not counts[-1]:
        return "0" if counts else ""
    return f"{counts[len(counts) // 2]} ({counts[0]} to {counts[-1]})"


def _window(facts: CellFacts) -> str:
    start, length = facts.middle("start"), facts.middle("length")
    return "" if start is None or length is None else f"{start:.1f}, {length:.1f}"


def _classes(facts: CellFacts) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(facts.classes.items(), key=lambda item: -item[1]))


def _controls(compared: Compared) -> str:
    rows = []
    for name, cells in (("local", compared.local_cells), ("kind", compared.kind_cells)):
        counts: Counter[str] = Counter()
        for key, facts in cells.items():
            if is_control(key):
                counts.update(facts.verdicts)
                counts["inconclusive"] += facts.inconclusive
                counts["left out"] += facts.aside
        words = ("lossless", "lossy", "inconclusive", "left out")
        rows.append((name, *(str(counts[word]) for word in words)))
    return table(("trials of controls", "lossless", "lossy", "inconclusive", "left out"), rows)


def _missing(compared: Compared) -> str:
    def verdicts(cells: Cells, key: Key) -> str:
        return _verdicts(cells[key]) if key in cells else "not run"

    rows = [
        (": ".join(key), verdicts(compared.local_cells, key), verdicts(compared.kind_cells, key))
        for key in compared.on_one_side
    ]
    return table(("cell", "local", "kind"), rows) if rows else "None."


def _delays(compared: Compared) -> str:
    heads = ("step (seconds)", "cluster", "n", *(f"{100 * share:.0f} %" for share in SHARES))
    kind, local = compared.kind.delays, compared.local.delays
    rows = []
    for name in sorted({*kind, *local}):
        for cluster, delays in (("kind", kind), ("local", local)):
            values = delays.get(name, ())
            if len(values) >= _ENOUGH:
                rows.append((name, cluster, str(len(values)), *(f"{value:.3f}" for value in quantiles(values))))
    return table(heads, rows)


def _figures(compared: Compared) -> dict[str, object]:
    def delays(found: Delays) -> dict[str, object]:
        return {
            name: {"n": len(values), "quantiles": [round(value, 4) for value in quantiles(values)]}
            for name, values in sorted(found.items())
            if len(values) >= _ENOUGH
        }

    return {
        "shares": list(SHARES),
        "delays": {"kind": delays(compared.kind.delays), "local": delays(compared.local.delays)},
        "alike": {what: dict(zip(("same", "of"), compared.count(what), strict=True)) for what in QUESTIONS},
        "cells": [
            {
                "experiment": key[0],
                "cell": key[1],
                **{
                    name: _figure(cells[key]) if key in cells else None
                    for name, cells in (("local", compared.local_cells), ("kind", compared.kind_cells))
                },
            }
            for key in sorted({*compared.local_cells, *compared.kind_cells})
        ],
        "runs": {
            name: {"parts": side.parts, "from": side.days[0], "to": side.days[1], "environment": dict(side.environment)}
            for name, side in zip(("local", "kind"), _sides(compared), strict=True)
        },
    }


def _figure(facts: CellFacts) -> dict[str, object]:
    return {
        "verdicts": dict(facts.verdicts),
        "inconclusive": {"trials": facts.inconclusive, "findings": dict(facts.reasons)},
        "left_out": facts.aside,
        "lost": [each.lost for each in facts.transitions],
        "start_s": [each.start for each in facts.transitions],
        "length_s": [each.length for each in facts.transitions],
        "classes": dict(facts.classes),
    }
