"""The generator of timeline cases finds what differs between two clusters, and shrinks it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from differential import generating
from differential.facts import Facts
from differential.generating import Generator, Outcome, Recipe, Run, built, name_of, recipes, simpler
from differential.observing import Observer
from differential.running import Case, Step, chosen

SEED = 7
COUNT = 60


def cluster(answers: Callable[[Recipe, int], Mapping[str, str]]) -> Run:
    """Return a cluster whose facts of a recipe are what a function says, with the number of the run."""
    ran: dict[str, int] = {}

    async def run(cases: Sequence[Case]) -> Mapping[str, Facts]:
        await asyncio.sleep(0)
        found = {}
        for case in cases:
            ran[case.name] = ran.get(case.name, 0) + 1
            recipe = json.loads(case.name.removeprefix("generated "))
            found[case.name] = Facts(dict(answers(recipe, ran[case.name])), {})
        return found

    return run


def plain(_recipe: Recipe, _run: int) -> Mapping[str, str]:
    """Answer the same to every recipe."""
    return {"deployment d: Available": "True"}


def faulty(recipe: Recipe, _run: int) -> Mapping[str, str]:
    """Answer something else where a pod is deleted while ``preStop`` is set."""
    wrong = "preStop" in recipe and any(each["do"] == "delete pod" for each in recipe["script"])
    return {"deployment d: Available": "False" if wrong else "True"}


def found_and_shrunk(generator: Generator, batch: Sequence[Recipe], outcome: Outcome) -> None:
    """Run a batch, and shrink what differs."""

    async def both() -> None:
        await generator.explore(batch, outcome)
        await generator.shrink(outcome)

    asyncio.run(both())


def explored(real: Run, ours: Run, count: int = COUNT) -> Outcome:
    """Return what the generator finds between two clusters."""
    outcome = Outcome()
    found_and_shrunk(Generator(real, ours), recipes(count, SEED), outcome)
    return outcome


def test_planted_difference_is_found_and_shrunk() -> None:
    """Of a difference that needs a hook and a deletion, nothing else is left."""
    outcome = explored(cluster(plain), cluster(faulty))

    assert outcome.differ != []
    for recipe, facts in outcome.differ:
        assert {*recipe} == {"replicas", "script", "preStop"}
        assert recipe["replicas"] == 1
        assert [each["do"] for each in recipe["script"]] == ["delete pod"]
        assert facts == ["deployment d: Available"]


def test_equal_clusters_do_not_differ() -> None:
    """Every recipe runs, and none differs."""
    outcome = explored(cluster(faulty), cluster(faulty))

    assert outcome.ran == len(recipes(COUNT, SEED))
    assert outcome.differ == []


def test_nothing_is_shrunk_without_time() -> None:
    """A difference that is found at the end stays as it was generated."""
    outcome = Outcome()
    generator = Generator(cluster(plain), cluster(faulty), lambda: True)
    found_and_shrunk(generator, recipes(COUNT, SEED), outcome)

    assert outcome.differ != []
    assert all(recipe in recipes(COUNT, SEED) for recipe, _ in outcome.differ)


def test_difference_of_one_run_does_not_count() -> None:
    """A case that differs in its first run only is no difference."""

    def once(_recipe: Recipe, run: int) -> Mapping[str, str]:
        return {"deployment d: Available": "True" if run > 1 else "False"}

    assert explored(cluster(plain), cluster(once)).differ == []


def test_case_that_did_not_run_is_not_counted() -> None:
    """A case that a cluster had no time for is neither equal nor different."""

    async def starved(_cases: Sequence[Case]) -> Mapping[str, Facts]:
        return {}

    outcome = explored(starved, cluster(plain))

    assert (outcome.ran, outcome.differ) == (0, [])


def test_recipes_are_repeatable_and_varied() -> None:
    """The same seed gives the same recipes, which have every piece of the grammar and every action."""
    found = recipes(200, SEED)
    actions = {each["do"] for recipe in found for each in recipe["script"]}

    assert found == recipes(200, SEED)
    assert found != recipes(200, SEED + 1)
    assert actions == {"image", "scale", "pause", "delete pod", "release pod", "selector"}
    assert {"readiness", "liveness", "startup", "preStop", "grace", "rolling"} <= {
        key for each in found for key in each
    }


def test_recipe_becomes_a_script() -> None:
    """A case creates a Service and a Deployment, and has one step for each action."""
    recipe: Recipe = {"replicas": 2, "script": [{"do": "scale", "to": 0}], "readiness": {"failureThreshold": 2}}
    case = built(recipe)
    made: Any = case.steps[1].what

    assert [step.kind for step in case.steps] == ["create", "create", "pause", "patch", "pause"]
    assert made["spec"]["replicas"] == 2
    assert made["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["failureThreshold"] == 2
    assert case.name == name_of(recipe)


def test_pod_of_a_step_may_be_missing() -> None:
    """After a scale to 0 there is no pod to delete: the step has no object, and the run goes on."""
    observer = Observer(lambda: 0.0)
    step = Step("delete any", "app=d")
    assert chosen(observer, step) is None

    for name, label in (("p", "e"), ("q", "d")):
        pod = {"metadata": {"name": name, "labels": {"app": label}}, "spec": {}, "status": {}}
        observer.take("pods", "ADDED", pod)
    assert chosen(observer, step) == Step("delete", "pods/q", None)


def test_each_simpler_recipe_has_less() -> None:
    """No simpler recipe is longer than the recipe, and none is the same."""
    for recipe in recipes(50, SEED):
        for smaller in simpler(recipe):
            assert smaller != recipe
            assert len(json.dumps(smaller)) <= len(json.dumps(recipe))


def test_run_is_added_to_the_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures of a run and its shrunk recipes are appended."""
    monkeypatch.setattr(generating, "HISTORY", tmp_path / "new" / "history.jsonl")
    monkeypatch.setattr(generating, "RECIPES", tmp_path / "new" / "recipes.jsonl")
    recipe: Recipe = {"replicas": 1, "script": []}
    for ran in (3, 4):
        generating.record(Outcome(ran, [(recipe, ["x"])]), "Kubernetes v1", "2026-01-01", 10 * ran)

    found = [(each["minutes"], each["ran"], each["differ"]) for each in generating.history()]
    assert found == [(30, 3, 1), (40, 4, 1)]
    assert len(generating.RECIPES.read_text().splitlines()) == 2
