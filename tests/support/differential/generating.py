"""Generate further timeline cases from a grammar, run them on two clusters, and shrink each that differs.

A case is made of a recipe, which is plain data: so it can be written down, and made simpler piece by piece.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from differential.api_cases import ROOT
from differential.facts import Facts, compare
from differential.running import Case, Step
from differential.timeline_cases.parts import app, create, deployment, http, patch, pause, service

Recipe = dict[str, Any]
#: Runs cases on a cluster; returns their facts by name. A case whose pods started too slowly is left out.
Run = Callable[[Sequence[Case]], Awaitable[Mapping[str, Facts]]]

#: The history of the runs, one line each.
HISTORY = ROOT / "generated" / "history.jsonl"
#: The shrunk recipes that differ, one line each.
RECIPES = ROOT / "generated" / "recipes.jsonl"
#: Seconds after the creation, after each action, and at the end: more than anything in the grammar takes.
_SECONDS = 9
#: How often a recipe is made simpler at most.
_ROUNDS = 12

_NUMBERS = {
    "initialDelaySeconds": st.sampled_from((1, 3)),
    "failureThreshold": st.sampled_from((1, 2)),
    "successThreshold": st.sampled_from((1, 2)),
    "timeoutSeconds": st.sampled_from((1, 2)),
}
_LIVE = {name: numbers for name, numbers in _NUMBERS.items() if name != "successThreshold"}
_WAYS = {"OPEN": st.sampled_from(("0.5", "2")), "TERM": st.sampled_from(("ignore", "1:0", "3:0", "1:3"))}
_HOOKS = st.sampled_from(
    ({"sleep": {"seconds": 1}}, {"sleep": {"seconds": 3}}, {"httpGet": {"path": "/bye", "port": 8080}})
)
_ROLLING = {
    "maxSurge": st.sampled_from((0, 1, "25%", "50%", "100%")),
    "maxUnavailable": st.sampled_from((1, "25%", "50%", "100%")),
}
_ACTIONS = st.one_of(
    st.fixed_dictionaries({"do": st.just("image"), "env": st.sampled_from(("1", "2"))}),
    st.fixed_dictionaries({"do": st.just("scale"), "to": st.integers(0, 3)}),
    st.fixed_dictionaries({"do": st.just("pause"), "paused": st.booleans()}),
    st.fixed_dictionaries({"do": st.just("delete pod")}),
    st.fixed_dictionaries({"do": st.just("release pod")}),
    st.fixed_dictionaries({"do": st.just("selector"), "to": st.sampled_from(("d", "nothing"))}),
)
RECIPE: st.SearchStrategy[Recipe] = st.fixed_dictionaries(
    {"replicas": st.integers(1, 3), "script": st.lists(_ACTIONS, min_size=1, max_size=3)},
    optional={
        "readiness": st.fixed_dictionaries({}, optional=_NUMBERS),
        "liveness": st.fixed_dictionaries({}, optional=_LIVE),
        "startup": st.fixed_dictionaries({}, optional=_LIVE),
        "environment": st.fixed_dictionaries({}, optional=_WAYS),
        "preStop": _HOOKS,
        "grace": st.sampled_from((0, 1, 3)),
        "minReadySeconds": st.sampled_from((1, 3)),
        "rolling": st.one_of(st.just({"type": "Recreate"}), st.fixed_dictionaries({}, optional=_ROLLING)),
        "publishNotReadyAddresses": st.just(True),
    },
)


def recipes(count: int, number: int) -> list[Recipe]:
    """Return different recipes; the same number gives the same ones."""
    found: dict[str, Recipe] = {}

    @seed(number)
    @settings(
        max_examples=count, database=None, phases=(Phase.generate,), deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(RECIPE)
    def collect(recipe: Recipe) -> None:
        found.setdefault(name_of(recipe), copy.deepcopy(recipe))

    collect()
    return list(found.values())


def name_of(recipe: Recipe) -> str:
    """Return the name of a recipe's case: the recipe itself."""
    return "generated " + json.dumps(recipe, sort_keys=True)


def built(recipe: Recipe) -> Case:
    """Build the case of a recipe: a Deployment ``d`` behind a Service ``s``, and a pause after each action."""
    container = app(env=recipe.get("environment"))
    probes = {
        "readinessProbe": ("readiness", "/ready"),
        "livenessProbe": ("liveness", "/live"),
        "startupProbe": ("startup", "/start"),
    }
    for name, (part, path) in probes.items():
        if part in recipe:
            container[name] = http(path, **recipe[part])
    if "preStop" in recipe:
        container["lifecycle"] = {"preStop": recipe["preStop"]}
    rolling = recipe.get("rolling")
    strategy = rolling if rolling and "type" in rolling else {"type": "RollingUpdate", "rollingUpdate": rolling or {}}
    extra: dict[str, Any] = {"minReadySeconds": recipe["minReadySeconds"]} if "minReadySeconds" in recipe else {}
    pods = {"terminationGracePeriodSeconds": recipe.get("grace", 2)}
    made = deployment(container, replicas=recipe["replicas"], pods=pods, strategy=strategy, **extra)
    early: dict[str, Any] = {name: True for name in ("publishNotReadyAddresses",) if recipe.get(name)}
    steps = [create(service(app="d", **early)), create(made), pause(_SECONDS)]
    for action in recipe["script"]:
        steps += [_step(action), pause(_SECONDS)]
    return Case(name_of(recipe), "generated", tuple(steps))


def _step(action: Mapping[str, Any]) -> Step:
    match action["do"]:
        case "image":
            annotations = {"metadata": {"annotations": {"version": action["env"]}}}
            return patch("deployments/d", {"spec": {"template": annotations}})
        case "scale":
            return patch("deployments/d", {"spec": {"replicas": action["to"]}})
        case "pause":
            return patch("deployments/d", {"spec": {"paused": action["paused"]}})
        case "selector":
            return patch("services/s", {"spec": {"selector": {"app": action["to"]}}})
        case "delete pod":
            return Step("delete any", "app=d")
        case _:
            return Step("patch any", "app=d", {"metadata": {"labels": {"app": "released"}}})


def simpler(recipe: Recipe) -> Iterator[Recipe]:
    """Yield recipes that have one piece less, the largest pieces first."""
    for number in range(len(recipe["script"])):
        if len(recipe["script"]) > 1:
            yield {**recipe, "script": recipe["script"][:number] + recipe["script"][number + 1 :]}
    for name, value in recipe.items():
        if name not in {"replicas", "script"}:
            yield {key: item for key, item in recipe.items() if key != name}
        if isinstance(value, dict):
            yield from ({**recipe, name: {k: v for k, v in value.items() if k != piece}} for piece in value)
    if recipe["replicas"] > 1:
        yield {**recipe, "replicas": recipe["replicas"] - 1}


@dataclass
class Outcome:
    """The result of a run of the generator.

    Attributes:
        ran: Number of cases that ran on both clusters.
        differ: Shrunk recipes that differ, each with its differing facts.
    """

    ran: int = 0
    differ: list[tuple[Recipe, list[str]]] = field(default_factory=list)


class Generator:
    """Runs generated cases on two clusters.

    Args:
        real: Runs cases on a real cluster.
        ours: Runs cases on the embedded cluster.
        enough: Returns True once there is no more time: then nothing is made simpler any further.
    """

    def __init__(self, real: Run, ours: Run, enough: Callable[[], bool] = lambda: False) -> None:
        self._real = real
        self._ours = ours
        self._enough = enough

    async def explore(self, batch: Sequence[Recipe], outcome: Outcome) -> None:
        """Run a batch of recipes, and add those that differ to the outcome as they are."""
        found = await self.differing(batch)
        outcome.ran += sum(facts is not None for facts in found)
        outcome.differ += [(recipe, facts) for recipe, facts in zip(batch, found, strict=True) if facts]

    async def shrink(self, outcome: Outcome) -> None:
        """Make the recipes of an outcome simpler, as long as there is time."""
        outcome.differ = [await self.shrunk(recipe, facts) for recipe, facts in outcome.differ]

    async def differing(self, batch: Sequence[Recipe]) -> list[list[str] | None]:
        """Return the facts of order and presence in which each recipe's case differs; None if it did not run.

        A case that differs is run again on both clusters. Only what differs in both runs counts, since a real cluster
        does not do the same twice either.
        """
        first, ran = await self._once({name_of(each): built(each) for each in batch}, {})
        again = {name_of(each): built(each) for each in batch if first.get(name_of(each))}
        second: dict[str, list[str]] = {}
        if again:
            second, _ = await self._once(again, ran)
        return [
            None if name not in ran else sorted({*first.get(name, ())} & {*second.get(name, ())})
            for name in map(name_of, batch)
        ]

    async def _once(
        self, cases: Mapping[str, Case], before: Mapping[str, Facts]
    ) -> tuple[dict[str, list[str]], dict[str, Facts]]:
        listed = list(cases.values())
        real, ours = await asyncio.gather(self._real(listed), self._ours(listed))
        found: dict[str, list[str]] = {}
        for name in real.keys() & ours.keys():
            recordings = [real[name], *([before[name]] if name in before else [])]
            facts = compare(name, recordings, ours[name], cases[name].slack)
            found[name] = [each.fact for each in facts if not each.is_duration]
        return found, {name: real[name] for name in real.keys() & ours.keys()}

    async def shrunk(self, recipe: Recipe, facts: list[str]) -> tuple[Recipe, list[str]]:
        """Return the simplest recipe found that still differs, with its facts.

        All recipes that are one piece simpler run side by side; the first that differs is the next to be shrunk.
        """
        for _ in range(_ROUNDS):
            if self._enough():
                break
            candidates = list(simpler(recipe))
            found = await self.differing(candidates) if candidates else []
            smaller = next(((r, f) for r, f in zip(candidates, found, strict=True) if f), None)
            if smaller is None:
                break
            recipe, facts = smaller
        return recipe, facts


def record(outcome: Outcome, source: str, date: str, minutes: int) -> None:
    """Add a run of so many minutes to the history, and its shrunk recipes to the list."""
    HISTORY.parent.mkdir(exist_ok=True)
    counted = {"ran": outcome.ran, "differ": len(outcome.differ)}
    line = {"source": source, "recorded": date, "minutes": minutes, **counted}
    with HISTORY.open("a") as file:
        file.write(json.dumps(line) + "\n")
    with RECIPES.open("a") as file:
        for recipe, facts in outcome.differ:
            file.write(json.dumps({"recipe": recipe, "facts": facts, "recorded": date}) + "\n")


def history() -> list[dict[str, Any]]:
    """Return the runs of the generator, the oldest first; those whose time is not known took 0 minutes."""
    return [{"minutes": 0} | json.loads(line) for line in HISTORY.read_text().splitlines()] if HISTORY.exists() else []
