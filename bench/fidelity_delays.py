"""Measures each step between an API write and its effect, from the timelines of trials.

Only pairs of events with exact times count. If a time comes from a timestamp of whole seconds, ``exact_ns`` says so,
and the pair is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from bench.fidelity_pods import Failure, PodPlan
from harness.model.changes import Restart, RollingUpdate, facts_of
from harness.model.events import Applied, ChangeEvent, of_type, read
from harness.model.timeline import Event, EventKind

#: Maximum uncertainty of an event's time for a measurement of delays in milliseconds.
_EXACT_NS: Final = 20_000_000
_NS: Final = 1_000_000_000
#: Quantiles to report, from the minimum to the maximum.
SHARES: Final = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)

#: (name of the step, seconds).
Measured = Iterator[tuple[str, float]]


def delays_of(
    events: Sequence[Event], plans: Mapping[str, PodPlan] | None = None, failures: Sequence[Failure] = ()
) -> Mapping[str, list[float]]:
    """Return the duration of every measurable step of one trial.

    Args:
        events: Its timeline.
        plans: Value of the label ``app`` -> waiting times in its pods' manifest.
        failures: Failed requests of the ingress controller to pods, ordered by time.

    Returns:
        Name of the step -> seconds, one for each occurrence.
    """
    known = sorted((event for event in events if event.exact_ns <= _EXACT_NS), key=lambda event: event.at)
    found: dict[str, list[float]] = defaultdict(list)
    for steps in (
        _lives(known, plans or {}, failures),
        _endpoints_of_pods(known, plans or {}),
        _syncs(known),
        _changes(known),
    ):
        for name, seconds in steps:
            found[name].append(seconds)
    return found


def quantiles(values: Sequence[float], shares: Sequence[float] = SHARES) -> list[float]:
    """Return quantiles of ``values`` by the nearest rank. ``values`` must be complete and not empty."""
    ordered = sorted(values)
    return [ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))] for share in shares]


def _lives(events: Sequence[Event], plans: Mapping[str, PodPlan], failures: Sequence[Failure]) -> Measured:
    """Yield the steps in the lifecycle of each pod."""
    lives: dict[str, dict[str, Event]] = defaultdict(dict)
    for event in events:
        if event.kind is EventKind.POD and not (event.what == "unready" and "terminating" not in lives[event.subject]):
            lives[event.subject].setdefault(event.what, event)
    for life in lives.values():
        plan = plans.get(str(next(iter(life.values())).detail.get("app", "")))
        if plan is not None and plan.probe_delay is not None and {"created", "ready"} <= life.keys():
            delay = f", the probe's initial {plan.probe_delay:g} s less" if plan.probe_delay else ""
            yield f"pod created -> ready{delay}", _between(life["created"], life["ready"]) - plan.probe_delay
        if "terminating" in life and life["terminating"].detail.get("grace") != 0:
            yield from _end(life, plan, failures)


def _end(life: Mapping[str, Event], plan: PodPlan | None, failures: Sequence[Failure]) -> Measured:
    """Yield the steps from the deletion mark of a pod that ends gracefully."""
    marked, stopped = life["terminating"], life.get("unready")
    hook = plan.hook if plan is not None else None
    if stopped is not None and hook is not None:
        begin = f"end of a preStop of {hook:g} s" if hook else "pod marked, no preStop"
        yield f"{begin} -> container stopped", _between(marked, stopped) - hook
    if stopped is not None and "gone" in life:
        yield "container stopped -> object gone", _between(stopped, life["gone"])
    if hook == 0:
        address = str(marked.detail.get("ip", ""))
        refused = next((each.at for each in failures if each.address == address and each.at > marked.at), None)
        if refused is not None:
            yield "pod marked, no preStop -> first connection refused", (refused - marked.at) / _NS


def _endpoints_of_pods(events: Sequence[Event], plans: Mapping[str, PodPlan]) -> Measured:
    """Yield the steps from a pod's event to the change of its EndpointSlice, and to the next step of the rollout."""
    for index, event in enumerate(events):
        if event.kind is not EventKind.POD:
            continue
        address = str(event.detail.get("ip", ""))
        later = events[index + 1 :]
        if event.what == "ready":
            yield from _first("pod ready -> in the endpoints", event, later, _endpoints("ready", address))
            yield from _first("new pod ready -> old pod marked", event, _of_the_rollout(later), _is_terminating(event))
            plan = plans.get(str(event.detail.get("app", "")))
            if plan is not None and plan.probe_delay == 0:
                yield from _published(event, events[:index])
        elif event.what == "terminating":
            name = "pod marked -> terminating in the endpoints"
            yield from _first(name, event, later, _endpoints("terminating", address))


def _published(ready: Event, before: Sequence[Event]) -> Measured:
    """Yield the steps from a pod's creation to its first endpoint, which is not ready, and from that to readiness."""
    name, address = ready.subject, str(ready.detail.get("ip", ""))
    first = next((each for each in before if each.kind is EventKind.POD and each.subject == name), None)
    if first is None or first.what != "created" or not address:
        return
    later = [each for each in before if each.at >= first.at]
    known = next((each for each in later if _endpoints("unready", address)(each)), None)
    was = any(each.subject == name and each.what == "ready" for each in later)
    if known is not None and not was:
        yield "pod created -> in the endpoints, not ready", _between(first, known)
        yield "pod in the endpoints, not ready -> ready", _between(known, ready)


def _syncs(events: Sequence[Event]) -> Measured:
    """Yield the delay from changed ready endpoints to the ingress controller's update, which its rate limit causes."""
    ready: dict[str, str] = {}
    for index, event in enumerate(events):
        if event.kind is not EventKind.ENDPOINTS:
            continue
        before, now = ready.get(event.subject), str(event.detail.get("ready", ""))
        ready[event.subject] = now
        if before is not None and before != now:
            name = "ready endpoints changed -> ingress has them"
            yield from _first(name, event, events[index + 1 :], _is(EventKind.INGRESS, "endpoints"))


def _changes(events: Sequence[Event]) -> Measured:
    """Yield the delays from the API write of a change to its effects."""
    for index, event in enumerate(events):
        (moment,) = (*of_type(read([event]), ChangeEvent.APPLIED, Applied), None)[:1]
        if moment is None or moment.detail.begun is None:
            continue
        begun = moment.detail.begun
        later = [each for each in events[:index] if each.at >= begun] + list(_until_next_change(events[index + 1 :]))
        fields, facts = moment.detail.fields or "", facts_of(str(event.detail.get("kind")))
        yield "API write -> answered", (event.at - begun) / _NS
        if "selector" in fields:
            yield from _patched(begun, later)
        elif facts.reloads_ingress:
            yield from _since("Ingress written -> reload", begun, later, _is(EventKind.INGRESS, "reload"))
        elif event.detail.get("kind") in {RollingUpdate.kind, Restart.kind}:
            yield from _since("Deployment written -> pod created", begun, later, _is(EventKind.POD, "created"))


def _patched(begun: int, later: Sequence[Event]) -> Measured:
    """Yield the delays from a selector patch to endpoints and ingress, which may first sync for the Service itself."""
    changed = _is(EventKind.ENDPOINTS, "changed")
    seen = next((number for number, event in enumerate(later) if changed(event)), None)
    if seen is not None:
        yield "selector written -> endpoints", (later[seen].at - begun) / _NS
        taken = _is(EventKind.INGRESS, "endpoints")
        yield from _since("selector written -> ingress has the endpoints", begun, later[seen:], taken)


def _until_next_change(events: Sequence[Event]) -> Sequence[Event]:
    ends = (
        number
        for number, event in enumerate(events)
        if event.kind is EventKind.CHANGE and event.what in {ChangeEvent.APPLIED, ChangeEvent.UNDONE, ChangeEvent.END}
    )
    return events[: next(ends, len(events))]


def _of_the_rollout(events: Sequence[Event]) -> Sequence[Event]:
    """Return the events until the next change event: a pod that is marked later does not belong to this step."""
    ends = (number for number, event in enumerate(events) if event.kind is EventKind.CHANGE)
    return events[: next(ends, len(events))]


def _first(name: str, begin: Event, later: Sequence[Event], wanted: Callable[[Event], bool]) -> Measured:
    yield from _since(name, begin.at, later, wanted)


def _since(name: str, begin: int, later: Sequence[Event], wanted: Callable[[Event], bool]) -> Measured:
    found = next((event for event in later if wanted(event)), None)
    if found is not None:
        yield name, (found.at - begin) / _NS


def _is(kind: EventKind, what: str) -> Callable[[Event], bool]:
    return lambda event: event.kind is kind and event.what == what


def _endpoints(state: str, address: str) -> Callable[[Event], bool]:
    def wanted(event: Event) -> bool:
        targets = str(event.detail.get(state, "")).replace(",", " ").split()
        return event.kind is EventKind.ENDPOINTS and any(t.rpartition(":")[0] == address for t in targets)

    return wanted


def _is_terminating(new: Event) -> Callable[[Event], bool]:
    """Return a test for the termination of a pod of the same application with another template."""

    def wanted(event: Event) -> bool:
        return (
            event.kind is EventKind.POD
            and event.what == "terminating"
            and event.detail.get("app") == new.detail.get("app")
            and event.detail.get("hash") != new.detail.get("hash")
        )

    return wanted


def _between(begin: Event, end: Event) -> float:
    return (end.at - begin.at) / _NS
