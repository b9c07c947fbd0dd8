"""Sentences about the differences of a migration: the observation, its cause, and the advice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from harness.findings.finding_type import Sentence
from harness.model.controllers import CONTROLLERS, Explanations, controller_facts
from harness.model.migration import CellPair, CellSide, DifferenceCode, Migration, MigrationDifference, MigrationOutcome
from harness.wording import count, listed, milliseconds, plural, seconds

#: MigrationOutcome -> its text in a table.
OUTCOMES: Mapping[MigrationOutcome, str] = {
    MigrationOutcome.LOSSLESS: "the same: nothing lost",
    MigrationOutcome.TARGET_LOSES: "the target loses",
    MigrationOutcome.BOTH_LOSE: "both lose",
    MigrationOutcome.SOURCE_LOSES: "only the source loses",
    MigrationOutcome.UNKNOWN: "unknown",
}


def answer(migration: Migration) -> str:
    """Return the result of a migration in one sentence."""
    if migration.signal:
        return "Stopped before the end: no answer."
    source, target = migration.source, migration.target
    losing, unknown = migration.having(MigrationOutcome.TARGET_LOSES), migration.having(MigrationOutcome.UNKNOWN)
    if losing:
        where = listed([title(pair) for pair in losing])
        if not any(pair.target.sent for pair in losing):
            return f"{target} does not serve what {source} serves: {where}."
        return f"Behind {target} requests are lost that {source} does not lose: {where}."
    if unknown or not migration.pairs:
        return f"No answer: {plural(len(unknown), 'cell')} of {len(migration.pairs)} can't be compared."
    both, better = migration.having(MigrationOutcome.BOTH_LOSE), migration.having(MigrationOutcome.SOURCE_LOSES)
    if not both and not better:
        return f"No request is lost behind {target}, nor behind {source}."
    parts = [f"{plural(len(both), 'cell loses', 'cells lose')} behind both"] if both else []
    parts += [f"{plural(len(better), 'cell loses', 'cells lose')} behind {source} alone"] if better else []
    return f"Behind {target} nothing is lost that {source} does not lose; {listed(parts)}."


def totals(migration: Migration) -> str:
    """Return the number of requests sent and lost on both sides."""
    sides = [("source", migration.source, "source"), ("target", migration.target, "target")]
    clauses = []
    for word, name, attribute in sides:
        cells: list[CellSide] = [getattr(pair, attribute) for pair in migration.pairs]
        sent, lost, cut = (sum(getattr(cell, field) for cell in cells) for field in ("sent", "lost", "cut"))
        clauses.append(f"{word} {name}: {count(lost)} of {count(sent)} lost, {plural(cut, 'connection')} cut")
    return f"{'; '.join(clauses)}. {plural(len(migration.pairs), 'cell')} on each."


def title(pair: CellPair) -> str:
    """Return configuration and change, joined by a multiplication sign."""
    return f"{pair.configuration} × {pair.change}"  # noqa: RUF001 - typography


def figures(side: CellSide) -> str:
    """Return the numbers of a side in a line."""
    parts = [f"{count(side.lost)} of {count(side.sent)} lost", f"{count(side.cut)} cut"]
    parts += [f"p99 {milliseconds(side.p99)}"] if side.sent else []
    return ", ".join(parts)


def why_unknown(migration: Migration, pair: CellPair) -> str:
    """Return the sides that have no answer, with the findings that are the reason."""
    sides = []
    for name, side in ((migration.source, pair.source), (migration.target, pair.target)):
        if side.verdict.value == "inconclusive":
            sides.append(f"{name}: {side.stopped or ', '.join(side.findings) or 'no finding'}")
    return "; ".join(sides)


def explain(migration: Migration, difference: MigrationDifference, pair: CellPair | None = None) -> Sentence:
    """Return the sentence about a difference."""
    return _SENTENCES[difference.code](migration, difference, pair)


def _who(migration: Migration, difference: MigrationDifference) -> tuple[str, str]:
    """Return the controller that loses because of the difference, and the other one."""
    names = (migration.source, migration.target)
    return names if difference.side == "source" else (names[1], names[0])


def _clauses(words: Iterable[str], clause: Callable[[Explanations], str], between: str = "; ") -> str:
    """Return a clause about each controller, without repetition. A controller without a known clause gives its name."""
    known = ((word, controller_facts(word).explanations) for word in words)
    return between.join(dict.fromkeys(clause(found) if found is not None else word for word, found in known))


def _in_order(migration: Migration) -> list[str]:
    """Return the names of both controllers in the order of the table of controllers."""
    return [word for word in CONTROLLERS if word in {migration.source, migration.target}]


def _annotation(migration: Migration, difference: MigrationDifference, pair: CellPair | None) -> Sentence:
    del pair
    n = difference.numbers
    about = f" ({n['about']})" if n["about"] else ""
    advice = f"Use {n['instead']}" if n["instead"] else "Look for a replacement"
    variant = CONTROLLERS.get(controller_facts(migration.target).variant)
    if n["provider"] and variant is not None:
        advice += f", or migrate to {variant.word} ({variant.title}), which supports it"
    text = f"{migration.target} ignores {n['annotation']}: {n['value']} on {n['ingresses']}{about}."
    return Sentence(text, f"{advice}.")


def _unserved(migration: Migration, difference: MigrationDifference, pair: CellPair | None) -> Sentence:
    del pair
    who, other = _who(migration, difference)
    return Sentence(
        f"{who} never served a route that {other} serves, so no traffic was sent: {difference.numbers['answers']}."
        " Its routing or rewriting differs.",
        _ignored(migration, who),
    )


def _ignored(migration: Migration, who: str) -> str:
    """Return the advice for a controller that reads a route differently."""
    names = dict.fromkeys(str(each.numbers["annotation"]).rpartition("/")[2] for each in migration.settings)
    if names and who == migration.target:
        return f"Check the annotations that {migration.target} ignores: {', '.join(names)}."
    return "Compare how the two read the Ingress: its class, host, path and path type."


def _routing(migration: Migration, difference: MigrationDifference, pair: CellPair | None) -> Sentence:
    del pair
    who, other = _who(migration, difference)
    n = difference.numbers
    answers = f": {n['answers']}" if n["answers"] else f" ({n['routes']})"
    return Sentence(
        f"Without any change, {count(int(n['lost']))} of {count(int(n['sent']))} requests fail behind {who}{answers};"
        f" none fail behind {other}. Its routing or rewriting differs.",
        _ignored(migration, who),
    )


def _sync_late(migration: Migration, difference: MigrationDifference, pair: CellPair | None) -> Sentence:
    who, other = _who(migration, difference)
    n = difference.numbers
    hook = f" A preStop of {pair.prestop_s:g} s is too short for that." if pair and pair.prestop_s >= 0 else ""
    return Sentence(
        f"{who} used changed endpoints up to {seconds(float(n['late_s']))} after the change, {other} within"
        f" {seconds(float(n['other_s']))}: {_clauses((who, other), lambda known: known.pace, '. ')}.{hook}",
        f"For {who}, set a preStop sleep of {controller_facts(who).prestop_s} s or more.",
    )


def _retries(migration: Migration, difference: MigrationDifference, pair: CellPair | None) -> Sentence:
    del pair
    who, other = _who(migration, difference)
    n = difference.numbers
    known = controller_facts(who).explanations
    setting = f", or {known.retry_setting}" if known is not None and known.retry_setting else ""
    return Sentence(
        f"{who} lost {plural(int(n['lost']), 'request')} and retried {count(int(n['own']))}; {other} retried"
        f" {plural(int(n['retried']), 'request')}: "
        f"{_clauses((other, who), lambda known: known.retries)}.",
        f"Give the pods a preStop sleep, so that no request needs a retry{setting}.",
    )


def _reload(migration: Migration, difference: MigrationDifference, pair: CellPair | None) -> Sentence:
    del pair
    who, other = _who(migration, difference)
    n = difference.numbers
    return Sentence(
        f"{who} reloaded {plural(int(n['reloads']), 'time')}, cut {plural(int(n['cut']), 'kept-alive connection')}"
        f" ({other}: {count(int(n['other_cut']))}) and lost {plural(int(n['lost']), 'request')}: "
        f"{_clauses((who, other), lambda known: known.edits)}."
    )


def _timeouts(migration: Migration, difference: MigrationDifference, pair: CellPair | None) -> Sentence:
    del pair
    who, other = _who(migration, difference)
    how = ", ".join(filter(None, (str(difference.numbers["classes"]), str(difference.numbers["statuses"]))))
    return Sentence(
        f"Requests behind {who} timed out ({how}); behind {other} they did not:"
        f" {_clauses(_in_order(migration), lambda known: known.timeouts, ', ')}.",
        f"Set the same timeouts for both: {_clauses(_in_order(migration), lambda known: known.timeout_setting, ', ')}.",
    )


def _fell_through(migration: Migration, difference: MigrationDifference, pair: CellPair | None) -> Sentence:
    del pair
    who, other = _who(migration, difference)
    n = difference.numbers
    return Sentence(
        f"Another application answered {plural(int(n['wrong']), 'request')} behind {who} (behind {other}:"
        f" {n['other'] or 'none lost'}): "
        f"{_clauses((who, other), lambda known: known.no_endpoints)}.",
        "Remove the catch-all rule, or keep at least one ready endpoint in every Service.",
    )


def _classes(migration: Migration, difference: MigrationDifference, pair: CellPair | None) -> Sentence:
    del pair
    who, other = _who(migration, difference)
    n = difference.numbers
    statuses = f" ({n['statuses']})" if n["statuses"] else ""
    return Sentence(
        f"Lost behind {who}: {n['classes']}{statuses}; behind {other}: {n['other'] or 'nothing'}. No known difference"
        " explains it.",
        f"The report of {who}'s run shows each loss next to the events around it.",
    )


_SENTENCES: Mapping[DifferenceCode, Callable[[Migration, MigrationDifference, CellPair | None], Sentence]] = {
    DifferenceCode.ANNOTATION: _annotation,
    DifferenceCode.UNSERVED: _unserved,
    DifferenceCode.ROUTING: _routing,
    DifferenceCode.SYNC_LATE: _sync_late,
    DifferenceCode.RETRIES: _retries,
    DifferenceCode.RELOAD: _reload,
    DifferenceCode.TIMEOUTS: _timeouts,
    DifferenceCode.FELL_THROUGH: _fell_through,
    DifferenceCode.CLASSES: _classes,
}
