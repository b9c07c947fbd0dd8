"""Reduce timelines to facts, and compare those of the embedded cluster with those of a real one."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from differential.observing import Entry

#: Seconds by which a state may come later than in the other case, and be missed since the case ends.
LATE_SECONDS = 1.5
#: Share of a duration by which ours may differ, besides the case's slack.
SHARE = 0.3
#: Aspects whose states depend on how updates fall together, and on nothing that anybody would conclude from.
_LOOSE = frozenset({"slices", "seen"})
#: Aspects of which only the time is compared: ``reloads`` and ``end`` say what they are.
_TIMED = frozenset({("controller", "reload"), ("answers", "switch")})
#: Aspects that are known at the end of a case: of a time since the step before they tell nothing.
_AT_THE_END = frozenset({"verdict", "end", "reloads"})
#: Events that tell of timing, of the scheduler or of images; real clusters differ in them from run to run.
_CHANCE = re.compile(
    r"event (Normal (Scheduled|Pulled|Pulling|Created|Started)"
    r"|Warning (FailedToUpdateEndpoint\w*|FailedMount|FieldNotImplemented|ClusterIPNotAllocated))"
)
#: Part of the state of an application that is probed.
_PROBE = " kube-probe/"
#: Begin of the state of an application that a startup probe asks.
_STARTUP = "GET /start "

#: What is left to chance, and why a comparison must not demand it.
CHANCES = {
    "which of a readiness and a liveness probe is the first to ask an application": (
        "each probe has periods of its own, and those of readiness begin again when the kubelet triggers it: "
        "of 79 containers on a real cluster, liveness asked 11 first"
    ),
    "how often a probe asks between two states of an application": "the periods of probes are not in step with them",
    "failures of a probe of a pod that becomes ready and is not restarted": "an application opens between two probes",
    "events of scheduling, images and starts": "they are merged and dropped when a cluster is busy",
    "the number of EndpointSlices": "updates fall together in another way",
    "which pod of a ReplicaSet does what": "its pods are alike",
}

_READY = frozenset({"Ready", "ContainersReady"})
_NOT_READY = frozenset({"False ContainersNotReady", "False PodCompleted", "False PodFailed"})
_BEFORE_START = frozenset({"waiting ContainerCreating", "False"})


@dataclass(frozen=True)
class Facts:
    """The facts of a timeline.

    Attributes:
        exact: Sequences of states, and what was said at all, by name.
        offsets: When each state of a sequence came, in seconds after the script's last step.
        watched: Seconds from the script's last step to the end.
        seconds: Time from the step of the script before to each state, by name.
    """

    exact: Mapping[str, str]
    seconds: Mapping[str, float]
    offsets: Mapping[str, Sequence[float]] = field(default_factory=dict)
    watched: float = 0.0


@dataclass(frozen=True, order=True)
class FactDifference:
    """A fact of a case that differs.

    Attributes:
        case: Name of the case.
        fact: Name of the fact.
        real: What the real cluster's recordings say.
        ours: What the embedded cluster says.
    """

    case: str
    fact: str
    real: str
    ours: str

    def __str__(self) -> str:
        return f"{self.case}\n    {self.fact}\n        real {self.real}\n        ours {self.ours}"

    @property
    def is_duration(self) -> bool:
        """True if the fact is a duration."""
        return self.fact.endswith(" s")


def reduce(timeline: Iterable[Entry]) -> Facts:
    """Reduce a timeline to its facts.

    Pods of one ReplicaSet are alike: where there are several, the sequences of all are one sorted fact.
    """
    timeline = list(timeline)
    stamps: dict[tuple[str, str], list[float]] = {}
    sequences: dict[tuple[str, str], list[str]] = {}
    seconds: dict[str, float] = {}
    seen: Counter[tuple[str, str, str]] = Counter()
    step, step_at = "the start", 0.0
    for at, subject, aspect, state in timeline:
        if subject == "script" and aspect.startswith("step"):
            step, step_at = aspect, at
            if state.startswith("refused"):
                sequences.setdefault((subject, aspect), []).append(state[:11])
            continue
        if subject == "script" and aspect == "end":
            continue
        if aspect in _LOOSE or _CHANCE.fullmatch(aspect):
            continue
        if (subject, aspect) == ("answers", "lost"):
            seconds["answers lost s"] = float(state)
            continue
        if (subject, aspect) not in _TIMED:
            sequences.setdefault((subject, aspect), []).append(state)
        stamps.setdefault((subject, aspect), []).append(at)
        seen[subject, aspect, state] += 1
        if not aspect.startswith("event") and aspect not in _AT_THE_END:
            number = seen[subject, aspect, state]
            name = f"{step} to {subject} {aspect} {state}" + (f" ({number})" if number > 1 else "")
            seconds[f"{name} s"] = round(at - step_at, 3)
    sequences = _settled(_without_chance(sequences))
    several = {owner for owner, count in _members(sequences).items() if count > 1}
    alone = {k: v for k, v in seconds.items() if not _among(k, several)}
    offsets = {f"{subject}: {aspect}": [at - step_at for at in times] for (subject, aspect), times in stamps.items()}
    end = timeline[-1][0] if timeline else 0.0
    return Facts(_exact(sequences, several), alone, offsets, end - step_at)


def _without_chance(sequences: Mapping[tuple[str, str], list[str]]) -> dict[tuple[str, str], list[str]]:
    """Leave out failures of a probe where the app only opens late, and that a pod is there.

    Where the pod was ready at some time and no container was started again, the states say what matters.
    """
    restarted = {s for (s, _), states in sequences.items() if any("#" in state for state in states)}
    ready = {s for (s, aspect), states in sequences.items() if aspect == "Ready" and "True" in states}
    made = {subject for subject, _ in sequences if "/" in subject}
    by_chance = (ready - restarted) | made
    kept = {
        key: [state for state in states if state != "there"]
        for key, states in sequences.items()
        if not (key[1] == "event Warning Unhealthy" and key[0] in by_chance)
    }
    return {key: _probed(states) if key[0].startswith("app ") else states for key, states in kept.items() if states}


def _probed(states: Sequence[str]) -> list[str]:
    """Keep the first request of each probe after the application's last state, in an order that says something.

    Periods of probes are not in step, and a kubelet asks for each probe on its own. So which of two probes finds an
    application first is chance. Only before and after the first request of a startup probe makes a difference.
    """
    kept: list[str] = []
    asked: set[str] = set()
    unordered: list[str] = []
    for state in states:
        if state in asked:
            continue
        if _PROBE in state:
            asked.add(state)
        else:
            asked = set()
        if _PROBE in state and not state.startswith(_STARTUP):
            unordered.append(state)
        else:
            kept += [*sorted(unordered), state]
            unordered = []
    return kept + sorted(unordered)


def _settled(sequences: Mapping[tuple[str, str], Sequence[str]]) -> dict[tuple[str, str], list[str]]:
    """Leave out what depends on how states fall together in one update.

    That is the state before the first start, and which of two reasons a pod that is not ready has at its end. What
    ``ContainersReady`` says is left out where ``Ready`` says the same.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for (subject, aspect), states in sequences.items():
        kept = [_plain(state) if aspect in _READY else state for state in states]
        if len(kept) > 1 and (kept[0] in _BEFORE_START or kept[0].startswith("not ready (")):
            kept = kept[1:]
        if kept[-1] == "absent":
            kept = [state for state in kept if not state.startswith("terminating (")]
        found[subject, aspect] = [state for i, state in enumerate(kept) if not i or state != kept[i - 1]]
    return {
        key: states
        for key, states in found.items()
        if not (key[1] == "ContainersReady" and found.get((key[0], "Ready")) == states)
    }


def _plain(state: str) -> str:
    return "False" if state in _NOT_READY else state


def _members(sequences: Iterable[tuple[str, str]]) -> Counter[str]:
    """Count the pods of each ReplicaSet."""
    pods = {subject for subject, _ in sequences if subject.startswith("pod ") and "/" in subject}
    return Counter(pod.partition("/")[0].removeprefix("pod ") for pod in pods)


def _among(name: str, several: Iterable[str]) -> bool:
    return any(f" {owner}/" in name for owner in several)


def _exact(sequences: Mapping[tuple[str, str], Sequence[str]], several: set[str]) -> dict[str, str]:
    alone: dict[str, str] = {}
    together: dict[str, list[str]] = {}
    for (subject, aspect), states in sequences.items():
        text = " > ".join(states)
        owner = next((each for each in several if f" {each}/" in f" {subject} {aspect}"), None)
        if owner is None:
            alone[f"{subject}: {aspect}"] = text
        else:
            name = f"{subject}: {aspect}".replace(f" {owner}/", f" {owner}/#")
            name = re.sub(r"/#\d+", "/*", name)
            together.setdefault(name, []).append(text)
    return alone | {name: " | ".join(sorted(texts)) for name, texts in together.items()}


def compare(case: str, real: Sequence[Facts], ours: Facts, slack: float) -> list[FactDifference]:
    """Compare a case with the recordings of it: ours must be like one of them.

    Args:
        case: Its name.
        real: The facts of each recording, one at least.
        ours: The facts of the embedded cluster.
        slack: Seconds by which a duration may differ, besides ``SHARE`` of it.
    """
    found = []
    names = {name for facts in real for name in facts.exact} | set(ours.exact)
    for name in sorted(names):
        ways = {facts.exact.get(name, "never") for facts in real}
        if ours.exact.get(name, "never") not in ways and not any(_cut(name, facts, ours) for facts in real):
            found.append(FactDifference(case, name, " OR ".join(sorted(ways)), ours.exact.get(name, "never")))
    for name, value in sorted(ours.seconds.items()):
        values = [facts.seconds[name] for facts in real if name in facts.seconds]
        if not values:
            continue
        low, high = min(values), max(values)
        if not low * (1 - SHARE) - slack <= value <= high * (1 + SHARE) + slack:
            shown = f"{low:.1f}" if low == high else f"{low:.1f} to {high:.1f}"
            found.append(FactDifference(case, name, shown, f"{value:.1f}"))
    return found


def _cut(name: str, one: Facts, other: Facts) -> bool:
    """Return True if two sequences differ only by states for which one case was not watched long enough."""
    texts = [facts.exact.get(name, "") for facts in (one, other)]
    if any(" | " in text for text in texts) or name == "script: wait":
        return False
    first, second = ([state for state in text.split(" > ") if state] for text in texts)
    if len(first) > len(second):
        one, other, first, second = other, one, second, first
    if len(first) == 1 and (first[0] in _BEFORE_START or first[0].startswith("not ready (")):
        first = []
    missing = other.offsets.get(name, ())[len(first) - len(second) :]
    return second[: len(first)] == first and all(one.watched < offset + LATE_SECONDS for offset in missing)


def counted(real: Sequence[Facts], ours: Facts) -> tuple[int, int]:
    """Return how many exact facts, and how many durations, a case has on both sides."""
    exact = {name for facts in real for name in facts.exact} | set(ours.exact)
    timed = {name for facts in real for name in facts.seconds} & set(ours.seconds)
    return len(exact), len(timed)


def read_timelines(text: str) -> tuple[dict[str, Any], dict[str, list[list[Entry]]]]:
    """Read recordings: their header, and the timelines of each case, one for each time that it was recorded."""
    header, *lines = map(json.loads, text.splitlines())
    found: dict[str, list[list[Entry]]] = {}
    for line in lines:
        found.setdefault(line["case"], []).append([(e[0], e[1], e[2], e[3]) for e in line["timeline"]])
    return header, found
