"""What a migration's differences mean, in sentences: what was seen, why it is so, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.findings.finding_type import Sentence
from harness.model.migration import CellPair, CellSide, Difference, DifferenceCode, Migration, Outcome
from harness.wording import count, listed, milliseconds, plural, seconds

#: What each outcome is called in a table.
OUTCOMES: Mapping[Outcome, str] = {
    Outcome.LOSSLESS: "the same: nothing lost",
    Outcome.TARGET_LOSES: "the target loses",
    Outcome.BOTH_LOSE: "both lose",
    Outcome.SOURCE_LOSES: "only the source loses",
    Outcome.UNKNOWN: "unknown",
}
#: How soon each controller's data plane has new endpoints, and why not sooner.
_PACE: Mapping[str, str] = {
    "ingress-nginx": (
        "ingress-nginx syncs at most 0.3 times a second (--sync-rate-limit), and any watched event takes that turn, the"
        " entry of a pod that is not ready yet, too; each worker then looks for new endpoints once a second. So a"
        " change may be known 3.3 s + 1 s late"
    ),
    "traefik": ("Traefik takes a change over at once, and the next one 2 s later at most (providersThrottleDuration)"),
}
_RETRIES: Mapping[str, str] = {
    "ingress-nginx": "ingress-nginx tries a request up to three times when an endpoint can't be connected to"
    " (proxy-next-upstream: error timeout)",
    "traefik": "Traefik tries a request once, unless a Middleware says otherwise (retry)",
}


def answer(migration: Migration) -> str:
    """The whole in one sentence."""
    if migration.signal:
        return "Stopped before its end: no answer."
    source, target = migration.source, migration.target
    losing, unknown = migration.having(Outcome.TARGET_LOSES), migration.having(Outcome.UNKNOWN)
    if losing:
        where = listed([title(pair) for pair in losing])
        if not any(pair.target.sent for pair in losing):
            return f"{target} does not serve what {source} serves: {where}."
        return f"Behind {target} requests are lost that {source} does not lose: {where}."
    if unknown or not migration.pairs:
        return f"No answer: {plural(len(unknown), 'cell')} of {len(migration.pairs)} can't be compared."
    both, better = migration.having(Outcome.BOTH_LOSE), migration.having(Outcome.SOURCE_LOSES)
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


def explain(migration: Migration, difference: Difference, pair: CellPair | None = None) -> Sentence:
    """A difference in words."""
    return _TOLD[difference.code](migration, difference, pair)


def _who(migration: Migration, difference: Difference) -> tuple[str, str]:
    """The controller whose requests it costs, and the other."""
    names = (migration.source, migration.target)
    return names if difference.side == "source" else (names[1], names[0])


def _family(controller: str) -> str:
    return "traefik" if controller.startswith("traefik") else controller


def _annotation(migration: Migration, difference: Difference, pair: CellPair | None) -> Sentence:
    del pair
    n = difference.numbers
    about = f" ({n['about']})" if n["about"] else ""
    advice = f"Use {n['instead']}" if n["instead"] else "Look for what stands in its place"
    if n["provider"]:
        advice += ", or go to traefik-nginx (Traefik's ingress-nginx provider), which reads it"
    text = f"{n['annotation']}: {n['value']} of {n['ingresses']}{about} is ignored by {migration.target}."
    return Sentence(text, f"{advice}.")


def _unserved(migration: Migration, difference: Difference, pair: CellPair | None) -> Sentence:
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


def _routing(migration: Migration, difference: Difference, pair: CellPair | None) -> Sentence:
    del pair
    who, other = _who(migration, difference)
    n = difference.numbers
    told = f": {n['answers']}" if n["answers"] else f" ({n['routes']})"
    return Sentence(
        f"Without any change {count(int(n['lost']))} of {count(int(n['sent']))} requests fail behind {who}{told}; none"
        f" do behind {other}. It routes or rewrites otherwise.",
        _ignored(migration, who),
    )


def _sync_late(migration: Migration, difference: Difference, pair: CellPair | None) -> Sentence:
    who, other = _who(migration, difference)
    n = difference.numbers
    hook = f" A preStop of {pair.prestop_s:g} s does not outlast that." if pair and pair.prestop_s >= 0 else ""
    return Sentence(
        f"{who} had taken new endpoints over up to {seconds(float(n['late_s']))} after they changed, {other} within"
        f" {seconds(float(n['other_s']))}: {_PACE.get(_family(who), who)}. {_PACE.get(_family(other), other)}.{hook}",
        f"A preStop sleep of 5 s or more outlasts {who}."
        if _family(who) == "ingress-nginx"
        else f"A preStop sleep of 3 s or more outlasts {who}.",
    )


def _retries(migration: Migration, difference: Difference, pair: CellPair | None) -> Sentence:
    del pair
    who, other = _who(migration, difference)
    n = difference.numbers
    return Sentence(
        f"{who} lost {plural(int(n['lost']), 'request')} and tried {count(int(n['own']))} again, {other} tried"
        f" {plural(int(n['retried']), 'request')} again: {_RETRIES.get(_family(other), other)};"
        f" {_RETRIES.get(_family(who), who)}.",
        "Give the pods a preStop sleep, so that no request needs a second try, or add a retry Middleware.",
    )


def _reload(migration: Migration, difference: Difference, pair: CellPair | None) -> Sentence:
    del pair
    who, other = _who(migration, difference)
    n = difference.numbers
    return Sentence(
        f"{who} reloaded {plural(int(n['reloads']), 'time')}, cut {plural(int(n['cut']), 'kept connection')} ({other}:"
        f" {count(int(n['other_cut']))}) and lost {plural(int(n['lost']), 'request')}: nginx takes edits of an Ingress"
        " over with new workers, and the old ones close what is idle; Traefik swaps its routes in one process."
    )


def _timeouts(migration: Migration, difference: Difference, pair: CellPair | None) -> Sentence:
    del pair
    who, other = _who(migration, difference)
    how = ", ".join(filter(None, (str(difference.numbers["classes"]), str(difference.numbers["statuses"]))))
    return Sentence(
        f"Answers behind {who} did not come in time ({how}), behind {other} they did: ingress-nginx connects to a pod"
        " within 5 s and waits 60 s for its answer, Traefik connects within 30 s and waits without end.",
        "Set the timeouts of both to the same: annotations proxy-*-timeout, a ServersTransport.",
    )


def _fell_through(migration: Migration, difference: Difference, pair: CellPair | None) -> Sentence:
    del pair
    who, other = _who(migration, difference)
    n = difference.numbers
    return Sentence(
        f"{plural(int(n['wrong']), 'request')} behind {who} got another application's answer (behind {other}:"
        f" {n['other'] or 'none lost'}): Traefik drops the route of a Service without endpoints, and a wider rule"
        " takes its requests; ingress-nginx answers 503.",
        "Let no rule for everything stand beside, or never let a Service run empty.",
    )


def _classes(migration: Migration, difference: Difference, pair: CellPair | None) -> Sentence:
    del pair
    who, other = _who(migration, difference)
    n = difference.numbers
    statuses = f" ({n['statuses']})" if n["statuses"] else ""
    return Sentence(
        f"Lost behind {who}: {n['classes']}{statuses}; behind {other}: {n['other'] or 'nothing'}. No known difference"
        " explains it.",
        f"The report of {who}'s run shows each loss beside the events around it.",
    )


_TOLD: Mapping[DifferenceCode, Callable[[Migration, Difference, CellPair | None], Sentence]] = {
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
