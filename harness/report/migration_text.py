"""What a migration's differences mean, in sentences: what was seen, why it is so, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from harness.findings.finding_type import Sentence
from harness.model.controllers import CONTROLLERS, Explanations, controller_facts
from harness.model.migration import CellPair, CellSide, DifferenceCode, Migration, MigrationDifference, MigrationOutcome
from harness.wording import count, listed, milliseconds, plural, seconds

#: What each outcome is called in a table.
OUTCOMES: Mapping[MigrationOutcome, str] = {
    MigrationOutcome.LOSSLESS: "the same: nothing lost",
    MigrationOutcome.TARGET_LOSES: "the target loses",
    MigrationOutcome.BOTH_LOSE: "both lose",
    MigrationOutcome.SOURCE_LOSES: "only the source loses",
    MigrationOutcome.UNKNOWN: "unknown",
}


def answer(migration: Migration) -> str:
    """The whole in one sentence."""
    if migration.signal:
        return "Stopped before its end: no answer."
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
        return f"Nothing is lost behind {target}, as behind {source}."
    parts = [f"{plural(len(both), 'cell loses', 'cells lose')} behind both"] if both else []
    parts += [f"{plural(len(better), 'cell loses', 'cells lose')} behind {source} alone"] if better else []
    return f"Behind {target} nothing is lost that {source} does not lose; {listed(parts)}."


def totals(migration: Migration) -> str:
    """Requests of both sides."""
    sides = [("source", migration.source, "source"), ("target", migration.target, "target")]
    told = []
    for word, name, attribute in sides:
        cells: list[CellSide] = [getattr(pair, attribute) for pair in migration.pairs]
        sent, lost, cut = (sum(getattr(cell, field) for cell in cells) for field in ("sent", "lost", "cut"))
        told.append(f"{word} {name}: {count(lost)} of {count(sent)} lost, {plural(cut, 'connection')} cut")
    return f"{'; '.join(told)}. {plural(len(migration.pairs), 'cell')} on each."


def title(pair: CellPair) -> str:
    """Configuration and change, with a multiplication sign."""
    return f"{pair.configuration} × {pair.change}"  # noqa: RUF001 - typography


def figures(side: CellSide) -> str:
    """A side's figures in a line."""
    parts = [f"{count(side.lost)} of {count(side.sent)} lost", f"{count(side.cut)} cut"]
    parts += [f"p99 {milliseconds(side.p99)}"] if side.sent else []
    return ", ".join(parts)


def why_unknown(migration: Migration, pair: CellPair) -> str:
    """Which side has no answer, and by which findings."""
    told = []
    for name, side in ((migration.source, pair.source), (migration.target, pair.target)):
        if side.verdict.value == "inconclusive":
            told.append(f"{name}: {side.stopped or ', '.join(side.findings) or 'no finding'}")
    return "; ".join(told)


def explain(migration: Migration, difference: MigrationDifference, pair: CellPair | None = None) -> Sentence:
    """A difference in words."""
    return _TOLD[difference.code](migration, difference, pair)


def _who(migration: Migration, difference: MigrationDifference) -> tuple[str, str]:
    """The controller whose requests it costs, and the other."""
    names = (migration.source, migration.target)
    return names if difference.side == "source" else (names[1], names[0])


def _clauses(words: Iterable[str], clause: Callable[[Explanations], str], between: str = "; ") -> str:
    """Return a clause about each controller, once where it is the same; a controller's word where nothing is known."""
    known = ((word, controller_facts(word).explanations) for word in words)
    return between.join(dict.fromkeys(clause(found) if found is not None else word for word, found in known))


def _in_order(migration: Migration) -> list[str]:
    """Return the words of both controllers in the order of the table."""
    return [word for word in CONTROLLERS if word in {migration.source, migration.target}]


def _annotation(migration: Migration, difference: MigrationDifference, pair: CellPair | None) -> Sentence:
    del pair
    n = difference.numbers
    about = f" ({n['about']})" if n["about"] else ""
    advice = f"Use {n['instead']}" if n["instead"] else "Look for what stands in its place"
    variant = CONTROLLERS.get(controller_facts(migration.target).variant)
    if n["provider"] and variant is not None:
        advice += f", or go to {variant.word} ({variant.title}), which reads it"
    text = f"{n['annotation']}: {n['value']} of {n['ingresses']}{about} is ignored by {migration.target}."
    return Sentence(text, f"{advice}.")


def _unserved(migration: Migration, difference: MigrationDifference, pair: CellPair | None) -> Sentence:
    del pair
    who, other = _who(migration, difference)
    return Sentence(
        f"{who} never served a route that {other} serves, and no traffic could begin: {difference.numbers['answers']}."
        " It routes or rewrites otherwise.",
        _ignored(migration, who),
    )


def _ignored(migration: Migration, who: str) -> str:
    """Where to look when a route is read otherwise."""
    names = dict.fromkeys(str(each.numbers["annotation"]).rpartition("/")[2] for each in migration.settings)
    if names and who == migration.target:
        return f"Annotations that {migration.target} ignores: {', '.join(names)}."
    return "Compare how the two read the Ingress: its class, host, path and kind of path."


def _routing(migration: Migration, difference: MigrationDifference, pair: CellPair | None) -> Sentence:
    del pair
    who, other = _who(migration, difference)
    n = difference.numbers
    told = f": {n['answers']}" if n["answers"] else f" ({n['routes']})"
    return Sentence(
        f"Without any change {count(int(n['lost']))} of {count(int(n['sent']))} requests fail behind {who}{told}; none"
        f" do behind {other}. It routes or rewrites otherwise.",
        _ignored(migration, who),
    )


def _sync_late(migration: Migration, difference: MigrationDifference, pair: CellPair | None) -> Sentence:
    who, other = _who(migration, difference)
    n = difference.numbers
    hook = f" A preStop of {pair.prestop_s:g} s does not outlast that." if pair and pair.prestop_s >= 0 else ""
    return Sentence(
        f"{who} had taken new endpoints over up to {seconds(float(n['late_s']))} after they changed, {other} within"
        f" {seconds(float(n['other_s']))}: {_clauses((who, other), lambda known: known.pace, '. ')}.{hook}",
        f"A preStop sleep of {controller_facts(who).prestop_s} s or more outlasts {who}.",
    )


def _retries(migration: Migration, difference: MigrationDifference, pair: CellPair | None) -> Sentence:
    del pair
    who, other = _who(migration, difference)
    n = difference.numbers
    known = controller_facts(who).explanations
    setting = f", or {known.retry_setting}" if known is not None and known.retry_setting else ""
    return Sentence(
        f"{who} lost {plural(int(n['lost']), 'request')} and tried {count(int(n['own']))} again, {other} tried"
        f" {plural(int(n['retried']), 'request')} again: "
        f"{_clauses((other, who), lambda known: known.retries)}.",
        f"Give the pods a preStop sleep, so that no request needs a second try{setting}.",
    )


def _reload(migration: Migration, difference: MigrationDifference, pair: CellPair | None) -> Sentence:
    del pair
    who, other = _who(migration, difference)
    n = difference.numbers
    return Sentence(
        f"{who} reloaded {plural(int(n['reloads']), 'time')}, cut {plural(int(n['cut']), 'kept connection')} ({other}:"
        f" {count(int(n['other_cut']))}) and lost {plural(int(n['lost']), 'request')}: "
        f"{_clauses((who, other), lambda known: known.edits)}."
    )


def _timeouts(migration: Migration, difference: MigrationDifference, pair: CellPair | None) -> Sentence:
    del pair
    who, other = _who(migration, difference)
    how = ", ".join(filter(None, (str(difference.numbers["classes"]), str(difference.numbers["statuses"]))))
    return Sentence(
        f"Answers behind {who} did not come in time ({how}), behind {other} they did:"
        f" {_clauses(_in_order(migration), lambda known: known.timeouts, ', ')}.",
        f"Set the timeouts of both to the same: "
        f"{_clauses(_in_order(migration), lambda known: known.timeout_setting, ', ')}.",
    )


def _fell_through(migration: Migration, difference: MigrationDifference, pair: CellPair | None) -> Sentence:
    del pair
    who, other = _who(migration, difference)
    n = difference.numbers
    return Sentence(
        f"{plural(int(n['wrong']), 'request')} behind {who} got another application's answer (behind {other}:"
        f" {n['other'] or 'none lost'}): "
        f"{_clauses((who, other), lambda known: known.no_endpoints)}.",
        "Let no rule for everything stand beside, or never let a Service run empty.",
    )


def _classes(migration: Migration, difference: MigrationDifference, pair: CellPair | None) -> Sentence:
    del pair
    who, other = _who(migration, difference)
    n = difference.numbers
    statuses = f" ({n['statuses']})" if n["statuses"] else ""
    return Sentence(
        f"Lost behind {who}: {n['classes']}{statuses}; behind {other}: {n['other'] or 'nothing'}. No known difference"
        " explains it.",
        f"The report of {who}'s run shows each loss beside the events around it.",
    )


_TOLD: Mapping[DifferenceCode, Callable[[Migration, MigrationDifference, CellPair | None], Sentence]] = {
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
