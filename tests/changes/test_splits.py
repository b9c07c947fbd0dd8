"""Canary and A/B test write the right objects for each controller, are observed, and leave nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from harness.changes.perform import perform
from harness.changes.undo import undo_all
from harness.controllers.nginx.sharing import annotations_of
from harness.controllers.sharing import RequestShare, SplitRule
from harness.controllers.traefik.sharing import match
from harness.errors import HarnessError
from harness.kube.errors import ConflictError
from harness.model.changes import AbTest, Canary, ChangeSpec, Retire, Step

if TYPE_CHECKING:
    from tests.changes.conftest import World
NS = "demo"
PATH = {
    "path": "/apple",
    "pathType": "Prefix",
    "backend": {"service": {"name": "apple-service", "port": {"number": 5678}}},
}
INGRESS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"name": "fruit"},
    "spec": {"ingressClassName": "nginx", "rules": [{"host": "fruit.test", "http": {"paths": [PATH]}}]},
}
CANARY = Canary(
    name="canary",
    ingress="fruit",
    path="/apple",
    service="apple-service",
    canary="banana-service",
    route="/apple",
    answer="banana*",
    steps=(Step(10, 0.01), Step(100, 0.01)),
)
AB = AbTest(
    name="ab",
    ingress="fruit",
    path="/apple",
    service="apple-service",
    candidate="banana-service",
    by="header",
    key="X-Version",
    value="b",
    a=("/apple",),
    b=("beta",),
    answer="banana*",
    hold=0.01,
)
STEPS = ["step", "step-observed", "step-end"]
KINDS = ("Ingress", "IngressRoute", "TraefikService")


@pytest.fixture(params=["ingress-nginx", "traefik"])
def world(request: pytest.FixtureRequest, make_world: Callable[..., World]) -> World:
    """Return a world with a rule to split, behind each controller."""
    made = make_world(timeout=1)
    made.kube.put(INGRESS, NS)
    tells = frozenset({"configured"}) if request.param == "traefik" else made.context.ingress_signals
    made.ingress |= {"configured"}
    made.context = replace(made.context, ingress=request.param, ingress_signals=tells)
    return made


def made_objects(world: World) -> list[str]:
    """Return the objects in addition to the workload's Ingress."""
    found = [(kind, item["metadata"]["name"]) for kind in KINDS for item in world.kube.list(kind, NS)]
    return [f"{kind}/{name}" for kind, name in found if name != "fruit"]


def share(world: World) -> int:
    """Return the new version's current share."""
    if world.context.ingress == "traefik":
        return int(world.kube.get("TraefikService", "fruit-canary", NS)["spec"]["weighted"]["services"][1]["weight"])
    canary = world.kube.get("Ingress", "fruit-canary", NS)
    return int(canary["metadata"]["annotations"]["nginx.ingress.kubernetes.io/canary-weight"])


def test_a_canary_goes_step_by_step(world: World) -> None:
    """Each step is made, observed, held and ended. The last one stays."""
    assert perform(CANARY, world.context)
    assert world.what() == ["begin", "applied", *STEPS, *STEPS, "observed", "end"]
    steps = [(event.detail["step"], event.detail["weight"]) for event in world.events if event.what == "step-observed"]
    assert steps == [(1, 10), (2, 100)]
    assert share(world) == 100


@pytest.mark.parametrize(("sabotage", "missing"), [("deaf", "new shares"), ("unanswered", "an answer like 'banana*'")])
def test_a_step_without_effect_is_not_observed(world: World, sabotage: str, missing: str) -> None:
    """The controller's event and the new version's answer are both required."""
    world.context = replace(world.context, timeout=0.1)
    if sabotage == "deaf":
        world.ingress.clear()
    else:
        world.answers = False

    assert not perform(CANARY, world.context)
    assert missing in world.missing()
    assert "observed" not in world.what()


def test_a_step_of_nothing_awaits_no_answer(world: World) -> None:
    """At 0 %, the new version must not answer."""
    world.answers = False
    spec = replace(CANARY, steps=(Step(0, 0.01),))

    assert perform(spec, world.context)
    assert "step-observed" in world.what()


def test_a_step_that_loses_rolls_back(world: World) -> None:
    """All traffic goes to the old version at once, nothing is left, and no further step is made."""
    world.context = replace(world.context, lost=lambda since: 3)

    assert perform(CANARY, world.context)
    assert world.what() == ["begin", "applied", *STEPS, "rollback", "rollback-observed", "observed", "end"]
    assert next(event.detail["lost"] for event in world.events if event.what == "rollback") == 3
    assert made_objects(world) == []


def test_a_step_that_loses_is_not_awaited_any_longer(world: World) -> None:
    """It is rolled back at once, even if its answer never came."""
    world.answers = False
    world.context = replace(world.context, lost=lambda since: 3, timeout=60)

    assert not perform(CANARY, world.context)
    assert world.what() == [
        "begin",
        "applied",
        "step",
        "not-observed",
        "step-end",
        "rollback",
        "rollback-observed",
        "end",
    ]


def test_a_rollback_that_is_not_wanted_is_not_made(world: World) -> None:
    """Losses are only counted."""
    world.context = replace(world.context, lost=lambda since: 3)

    assert perform(replace(CANARY, rollback=False), world.context)
    assert "rollback" not in world.what()


def test_a_canary_is_undone_as_a_whole_between_repetitions(world: World) -> None:
    """The old version is back and all objects are deleted before the next canary begins."""
    spec = replace(CANARY, times=2, retire=Retire("apple"))

    assert perform(spec, world.context)
    once = ["applied", *STEPS, *STEPS, "retired", "retired-observed"]
    back = ["retired-undone", "retired-undo-observed", "undone", "undo-observed", "observed", "quiet"]
    assert world.what() == ["begin", *once, *back, *once, "observed", "end"]


@pytest.fixture
def shared(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a world where B answers exactly while requests are routed to it."""
    monkeypatch.setattr("harness.changes.kinds.ab_test.QUIET_SECONDS", 0.0)
    world.context = replace(world.context, answered=lambda _pattern, _since, _route="": bool(made_objects(world)))
    return world


def test_an_ab_test_is_observed_and_undone(shared: World) -> None:
    """It stays for its time, and leaves nothing."""
    world = shared
    assert perform(AB, world.context)
    assert world.what() == ["begin", "applied", "observed", "undone", "undo-observed", "end"]
    assert next(event.detail["by"] for event in world.events if event.what == "applied") == "header"
    assert made_objects(world) == []


@pytest.mark.parametrize(("sabotage", "missing"), [("deaf", "new shares"), ("unanswered", "on beta")])
def test_an_ab_test_without_effect_is_not_observed(world: World, sabotage: str, missing: str) -> None:
    """B must have answered on its own route."""
    world.context = replace(world.context, timeout=0.1)
    if sabotage == "deaf":
        world.ingress.clear()
    else:
        world.context = replace(world.context, answered=lambda pattern, since, route="": route != "beta")

    assert not perform(AB, world.context)
    assert missing in world.missing()


@pytest.mark.parametrize("spec", [CANARY, AB], ids=lambda spec: spec.kind)
def test_the_journal_deletes_created_objects(world: World, spec: ChangeSpec) -> None:
    """After a crash, only the journal names the objects."""

    def die(pattern: str, since: int, route: str = "") -> bool:
        raise RuntimeError

    world.context = replace(world.context, restore=True, answered=die)
    with pytest.raises(RuntimeError):
        perform(spec, world.context)
    assert made_objects(world) != []

    assert {str(result.outcome) for result in undo_all(world.context.undo, world.kube)} == {"undone"}
    assert made_objects(world) == []


def test_somebody_elses_object_of_that_name_is_left(world: World) -> None:
    """The canary does not overwrite it, and the undo does not delete it."""
    kind = "Ingress" if world.context.ingress == "ingress-nginx" else "TraefikService"
    theirs: dict[str, Any] = {"apiVersion": "x/v1", "kind": kind, "metadata": {"name": "fruit-canary"}, "spec": {}}
    world.kube.put(theirs, NS)
    world.context = replace(world.context, restore=True)

    with pytest.raises(ConflictError):
        perform(CANARY, world.context)
    assert [str(result.outcome) for result in undo_all(world.context.undo, world.kube)] == ["left"]
    assert made_objects(world) == [f"{kind}/fruit-canary"]


def test_a_missing_rule_is_reported(world: World) -> None:
    """The message has Ingress, path and Service."""
    with pytest.raises(HarnessError, match="no rule with the path /pear"):
        perform(replace(CANARY, path="/pear"), world.context)


def test_without_a_controller_nothing_can_be_shared(world: World) -> None:
    """The message names the controllers that can split requests."""
    world.context = replace(world.context, ingress="none")

    with pytest.raises(HarnessError, match="ingress-nginx, traefik, traefik-nginx can"):
        perform(CANARY, world.context)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (RequestShare(weight=10), {"canary": "true", "canary-weight": "10"}),
        (
            RequestShare("header", "X-V", "b"),
            {"canary": "true", "canary-by-header": "X-V", "canary-by-header-value": "b"},
        ),
        (RequestShare("cookie", "v", "always"), {"canary": "true", "canary-by-cookie": "v"}),
    ],
)
def test_ingress_nginx_gets_annotations(rule: RequestShare, said: dict[str, str]) -> None:
    """Each criterion has its annotations."""
    assert annotations_of(rule) == {f"nginx.ingress.kubernetes.io/{key}": value for key, value in said.items()}


def test_an_ab_test_whose_candidate_goes_on_answering_is_not_over(world: World) -> None:
    """The controller has applied the undo, but B still answers: the undo is not observed."""
    assert not perform(AB, world.context)
    assert "the last answer by B" in world.missing()


def test_the_routing_object_is_undone_first(shared: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the second Ingress were undone last, B would keep its share for seconds."""
    world, there = shared, []
    real = world.kube.patch

    def patch(kind: str, name: str, *rest: Any, **more: Any) -> Any:
        if more.get("strategy") == "json":
            there.append(made_objects(world))
        return real(kind, name, *rest, **more)

    monkeypatch.setattr(world.kube, "patch", patch)

    assert perform(replace(AB, by="weight", key="", value="", weight=50, b=(), sticky="stay"), world.context)
    assert there == ([[]] if world.context.ingress == "ingress-nginx" else [])


def test_sticky_sessions_are_set_and_undone(shared: World) -> None:
    """They are set on ingress-nginx's first Ingress, or on Traefik's weighted service."""
    world = shared
    told: list[str] = []

    def look(pattern: str, since: int, route: str = "") -> bool:
        if world.context.ingress == "traefik":
            service = world.kube.get("TraefikService", "fruit-canary", NS)
            told.append(service["spec"]["weighted"]["sticky"]["cookie"]["name"])
        else:
            annotations = world.kube.get("Ingress", "fruit", NS)["metadata"]["annotations"]
            told.append(annotations["nginx.ingress.kubernetes.io/session-cookie-name"])
        return True

    world.context = replace(world.context, answered=lambda *asked: bool(made_objects(world)) and look(*asked))

    assert perform(replace(AB, by="weight", key="", value="", weight=50, b=(), sticky="stay"), world.context)
    assert set(told) == {"stay"}
    assert not world.kube.get("Ingress", "fruit", NS)["metadata"].get("annotations")


@pytest.mark.parametrize(
    ("path", "host", "rule", "text"),
    [
        ({"path": "/a", "pathType": "Exact"}, "", RequestShare(), "Path(`/a`)"),
        (
            {"path": "/a", "pathType": "Prefix"},
            "x.y",
            RequestShare(),
            "Host(`x.y`) && (Path(`/a`) || PathPrefix(`/a/`))",
        ),
        ({"path": "/", "pathType": "Prefix"}, "", RequestShare(), "PathPrefix(`/`)"),
        (
            {"path": "/a", "pathType": "ImplementationSpecific"},
            "",
            RequestShare("header", "X-V", "b"),
            "PathPrefix(`/a`) && Header(`X-V`, `b`)",
        ),
        (
            {"path": "/a", "pathType": "Exact"},
            "*.x.y",
            RequestShare("cookie", "v", "b.1"),
            r"HostRegexp(`^[^.]+\.x\.y$`) && Path(`/a`) && HeaderRegexp(`Cookie`, `(^|;\s*)v=b\.1(;|$)`)",
        ),
    ],
)
def test_traefik_gets_a_rule(path: dict[str, str], host: str, rule: RequestShare, text: str) -> None:
    """It has the Ingress's path and host, and the criterion."""
    assert match(SplitRule("fruit", host, path, "a", "b", "traefik"), rule) == text
