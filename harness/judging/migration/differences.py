"""Finds the differences between two controllers for a cell; each rule detects one cause."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from harness.judging.migration.sides import AccessFacts
from harness.model.changes import facts_of
from harness.model.migration import CellSide, DifferenceCode, MigrationDifference

#: Seconds by which one controller must be later than the other to be called late; less is chance.
LATER_BY = 0.5
#: Most routes that are listed one by one.
_ROUTES = 6

Sides = tuple[CellSide, CellSide]
Numbers = dict[str, str | int | float | bool]
_NAMES = ("source", "target")


def differences_of(
    sides: Sides, access: tuple[AccessFacts, AccessFacts], change: str
) -> tuple[MigrationDifference, ...]:
    """Return the differences of a cell.

    Args:
        sides: Source and target.
        access: Facts of their access logs.
        change: Kind of the change.
    """
    if unserved := tuple(_unserved(sides, access)):
        return unserved
    if facts_of(change).is_control:
        return tuple(_routing(sides, access))
    found = [difference for rule in _RULES for difference in rule(sides)]
    named = {difference.side for difference in found}
    return (*found, *(each for each in _classes(sides) if each.side not in named))


def _losing(sides: Sides) -> Iterator[tuple[int, CellSide, CellSide]]:
    """Yield the side that lost more requests, if any: its number, itself, and the other side."""
    source, target = sides
    if source.lost > target.lost:
        yield 0, source, target
    elif target.lost > source.lost:
        yield 1, target, source


def _unserved(sides: Sides, access: tuple[AccessFacts, AccessFacts]) -> Iterator[MigrationDifference]:
    """Yield a difference if one controller never served a route, so that no traffic began, and the other did."""
    for number, side in enumerate(sides):
        other = sides[1 - number]
        errors = access[number].unserved()
        if errors and not side.sent and other.sent:
            answers = ", ".join(list(errors)[:_ROUTES])
            yield MigrationDifference(DifferenceCode.UNSERVED, {"answers": answers}, _NAMES[number])


def _routing(sides: Sides, access: tuple[AccessFacts, AccessFacts]) -> Iterator[MigrationDifference]:
    for number, side, other in _losing(sides):
        if other.lost:
            continue
        errors = sorted(access[number].errors.items(), key=lambda item: (-item[1], item[0]))
        answers = ", ".join(f"{route} × {count}" for route, count in errors[:_ROUTES])  # noqa: RUF001 - typography
        routes = "; ".join(f"{route}: {how}" for route, how in list(side.routes.items())[:_ROUTES])
        numbers: Numbers = {"lost": side.lost, "sent": side.sent, "answers": answers, "routes": routes}
        yield MigrationDifference(DifferenceCode.ROUTING, numbers, _NAMES[number])


def _sync_late(sides: Sides) -> Iterator[MigrationDifference]:
    """Yield a difference if one controller applied endpoints much later than the other."""
    for number, side, other in _losing(sides):
        if other.sync_s >= 0 and side.sync_s > other.sync_s + LATER_BY:
            numbers: Numbers = {"late_s": round(side.sync_s, 2), "other_s": round(other.sync_s, 2), "lost": side.lost}
            yield MigrationDifference(DifferenceCode.SYNC_LATE, numbers, _NAMES[number])


def _retries(sides: Sides) -> Iterator[MigrationDifference]:
    for number, side, other in _losing(sides):
        answered = "status" in side.classes
        if answered and other.retried > side.retried and side.tries_logged and other.tries_logged:
            numbers: Numbers = {
                "retried": other.retried,
                "own": side.retried,
                "lost": side.lost,
                "other_lost": other.lost,
            }
            yield MigrationDifference(DifferenceCode.RETRIES, numbers, _NAMES[number])


def _reload(sides: Sides) -> Iterator[MigrationDifference]:
    for number, side in enumerate(sides):
        other = sides[1 - number]
        if side.reloads and side.cut > other.cut and not other.reloads:
            numbers: Numbers = {"cut": side.cut, "other_cut": other.cut, "reloads": side.reloads, "lost": side.lost}
            yield MigrationDifference(DifferenceCode.RELOAD, numbers, _NAMES[number])


def _timeouts(sides: Sides) -> Iterator[MigrationDifference]:
    for number, side, other in _losing(sides):
        if _timed_out(side) and not _timed_out(other):
            numbers: Numbers = {"classes": _counts(side), "statuses": side.statuses, "lost": side.lost}
            yield MigrationDifference(DifferenceCode.TIMEOUTS, numbers, _NAMES[number])


def _fell_through(sides: Sides) -> Iterator[MigrationDifference]:
    for number, side in enumerate(sides):
        wrong = side.classes.get("wrong-answer", 0)
        if wrong and not sides[1 - number].classes.get("wrong-answer", 0):
            numbers: Numbers = {"wrong": wrong, "other": _counts(sides[1 - number])}
            yield MigrationDifference(DifferenceCode.FELL_THROUGH, numbers, _NAMES[number])


_RULES: tuple[Callable[[Sides], Iterator[MigrationDifference]], ...] = (
    _sync_late,
    _retries,
    _reload,
    _timeouts,
    _fell_through,
)


def _classes(sides: Sides) -> Iterator[MigrationDifference]:
    """Yield the lost requests and their classes if no rule knows the cause."""
    if not any(side.lost for side in sides) or _counts(sides[0]) == _counts(sides[1]):
        return
    for number, side, other in _losing(sides):
        # Two lossy sides never lose exactly the same number, so only different classes count.
        if other.lost and set(side.classes) == set(other.classes):
            continue
        numbers: Numbers = {
            "classes": _counts(side),
            "statuses": side.statuses,
            "other": _counts(other),
            "lost": side.lost,
        }
        yield MigrationDifference(DifferenceCode.CLASSES, numbers, _NAMES[number])


def _timed_out(side: CellSide) -> bool:
    """Return True if most of the lost requests timed out, in the client or in the controller."""
    waited = sum(n for name, n in side.classes.items() if name.startswith("timeout"))
    return 2 * waited > side.lost or side.statuses.startswith("504")


def _counts(side: CellSide) -> str:
    return ", ".join(f"{name} {n}" for name, n in side.classes.items())
