"""Numbers and names as they are written in every report, so that all of them say the same thing the same way."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import UTC, datetime

from harness.model.verdict import CellVerdict, FindingCode, Verdict

#: An icon beside each verdict's word: colour alone is not for everybody.
ICONS = {Verdict.LOSSLESS: "✓", Verdict.LOSSY: "✗", Verdict.INCONCLUSIVE: "?"}

#: What each outcome class means to somebody who has not read the manual.
OUTCOMES = {
    "status": "answered with an HTTP status that is no success (502: no answer from the pod, 503: no pod to ask)",
    "refused": "the connection was refused: nobody listens there",
    "reset": "the connection was reset (RST) before any answer",
    "closed": "the connection was closed before any answer",
    "truncated": "the answer broke off in the middle",
    "timeout-connect": "no connection within the timeout",
    "timeout-response": "no answer within the timeout",
    "wrong-answer": "a complete answer, but not one that this route may give",
    "malformed": "an answer that is not HTTP",
    "tls": "no TLS connection: the certificate was not accepted, or the two sides found no common protocol",
}


def count(number: float) -> str:
    """``1,480``."""
    return f"{number:,.0f}"


def assumed(cell: CellVerdict) -> int:
    """Count the fields that a cell's run assumes to have no effect."""
    found = (each.numbers for each in cell.findings if each.code is FindingCode.FIELD_ASSUMED)
    return len({(numbers.get("object"), numbers.get("field")) for numbers in found})


def plural(number: int, word: str, more: str = "") -> str:
    """``1 request``, ``1,480 requests``."""
    return f"{count(number)} {word if number == 1 else more or word + 's'}"


def seconds(value: float) -> str:
    """``3.6 s``; without a decimal from 100 s on."""
    return f"{value:.0f} s" if abs(value) >= 100 else f"{value:.1f} s"


def between(start: float, end: float) -> str:
    """``between 1.3 s and 8.0 s``; one moment where they read alike."""
    first, last = seconds(start), seconds(end)
    return first if first == last else f"between {first} and {last}"


def duration(value: float) -> str:
    """``72 s``, ``3 min 20 s``."""
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes >= 2 else f"{round(value)} s"


def moment(iso: str) -> str:
    """``2026-11-22 19:57:35 UTC`` for an ISO 8601 time; other text as it is."""
    try:
        at = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{at:%Y-%m-%d %H:%M:%S} {at.tzname() or ''}".rstrip()


def instant(wall_ns: int) -> str:
    """``2026-01-31T12:00:00.123456Z`` for nanoseconds since the Unix epoch."""
    at = datetime.fromtimestamp(wall_ns // 1_000_000_000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{wall_ns % 1_000_000_000 // 1000:06d}Z"


def milliseconds(value: float) -> str:
    """``0.8 ms``, ``12 ms``."""
    return f"{value:.1f} ms" if value < 10 else f"{value:,.0f} ms"


def share(part: int, whole: int) -> str:
    """``12.0 %``; never a rounded 0 where there is something."""
    if not whole:
        return "–"  # noqa: RUF001 - typography
    percent = 100 * part / whole
    return f"{percent:.1f} %" if percent >= 0.1 or not part else "< 0.1 %"


def ratio(value: float) -> str:
    """``9.83 %`` for 0.0983: two decimals below a tenth, where steps of a canary are small."""
    percent = 100 * value
    return f"{percent:.2f} %" if 0 < percent < 10 or 90 < percent < 100 else f"{percent:.1f} %"


def probability(value: float) -> str:
    """``= 0.034``, ``< 0.0001``."""
    return f"= {value:.2g}" if value >= 0.0001 else "< 0.0001"


def listed(words: list[str]) -> str:
    """``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "none"


def expected(cell: CellVerdict) -> str:
    """What was expected of a cell: ``lossy (status)``."""
    text = "lossless or lossy" if cell.expected == "any" else cell.expected
    by = f" ({' or '.join(cell.expected_classes)})" if cell.expected_classes and cell.expected != "lossless" else ""
    return text + by


def stopped(cell: CellVerdict) -> str:
    """``not run`` or ``cut short`` for a cell that has no answer since the run was stopped; empty for any other."""
    codes = [finding.code for trial in cell.trials for finding in trial.findings]
    absent, cut = codes.count(FindingCode.NOT_RUN), codes.count(FindingCode.CUT_SHORT)
    if cell.verdict is not Verdict.INCONCLUSIVE or not absent + cut:
        return ""
    return "not run" if absent == len(cell.trials) else "cut short"


def title(cell: CellVerdict) -> str:
    """Configuration and change, with a multiplication sign."""
    return f"{cell.configuration} × {cell.change}"  # noqa: RUF001 - typography


def again(command: str) -> str:
    """A command line to be given once more: without ``--out``, since a run never takes another's folder."""
    try:
        parts = shlex.split(command)
    except ValueError:
        return command
    kept = [
        part
        for before, part in zip(["", *parts], parts, strict=False)
        if "--out" not in (before, part) and not part.startswith("--out=")
    ]
    return shlex.join(kept) if len(kept) < len(parts) else command


def ranked(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Names with their counts, the most frequent first: an order of its own, since a stored mapping has none."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
