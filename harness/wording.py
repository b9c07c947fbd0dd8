"""Numbers, times and lists as English text, so that every command and report writes them alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime


def count(number: float) -> str:
    """Return a whole number with separators: ``1,480``."""
    return f"{number:,.0f}"


def plural(number: int, word: str, more: str = "") -> str:
    """Return a number with its noun: ``1 request``, ``1,480 requests``."""
    return f"{count(number)} {word if number == 1 else more or word + 's'}"


def seconds(value: float) -> str:
    """Return seconds with one decimal, from 100 s on with none: ``3.6 s``."""
    return f"{value:.0f} s" if abs(value) >= 100 else f"{value:.1f} s"


def between(start: float, end: float) -> str:
    """Return a range of seconds: ``between 1.3 s and 8.0 s``; one time if both ends are written alike."""
    first, last = seconds(start), seconds(end)
    return first if first == last else f"between {first} and {last}"


def duration(value: float) -> str:
    """Return a duration in whole seconds, from two minutes on in minutes: ``72 s``, ``3 min 20 s``."""
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes >= 2 else f"{round(value)} s"


def length(seconds: float) -> str:
    """Return a duration in the unit that suits it: ``2.4 ms``, ``120 ms``, ``4.20 s``, ``3 min 20 s``."""
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 120 else duration(seconds)


def moment(iso: str) -> str:
    """Return an ISO 8601 time as ``2026-11-22 19:57:35 UTC``; other text is returned unchanged."""
    try:
        at = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{at:%Y-%m-%d %H:%M:%S} {at.tzname() or ''}".rstrip()


def instant(wall_ns: int) -> str:
    """Return nanoseconds since the Unix epoch as ``2026-01-31T12:00:00.123456Z``."""
    at = datetime.fromtimestamp(wall_ns // 1_000_000_000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{wall_ns % 1_000_000_000 // 1000:06d}Z"


def milliseconds(value: float) -> str:
    """Return milliseconds, below 10 with one decimal: ``0.8 ms``, ``12 ms``."""
    return f"{value:.1f} ms" if value < 10 else f"{value:,.0f} ms"


def share(part: int, whole: int) -> str:
    """Return a percentage: ``12.0 %``. A share above zero is never rounded to 0."""
    if not whole:
        return "–"  # noqa: RUF001 - typography
    percent = 100 * part / whole
    return f"{percent:.1f} %" if percent >= 0.1 or not part else "< 0.1 %"


def ratio(value: float) -> str:
    """Return a fraction as a percentage: ``9.83 %`` for 0.0983.

    It has two decimals within 10 % of either end, because the steps of a canary are small there.
    """
    percent = 100 * value
    return f"{percent:.2f} %" if 0 < percent < 10 or 90 < percent < 100 else f"{percent:.1f} %"


def probability(value: float) -> str:
    """Return a p-value with its comparison sign: ``= 0.034``, ``< 0.0001``."""
    return f"= {value:.2g}" if value >= 0.0001 else "< 0.0001"


def listed(words: list[str]) -> str:
    """Return words as a list in a sentence: ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "none"


def ranked(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return names with their counts, most frequent first, then by name.

    A stored mapping has no order of its own, so this gives the same order each time.
    """
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
