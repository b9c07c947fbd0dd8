"""Each change is made and observed, and it is not observed if it did not really happen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from harness.changes.executors import executor_of
from harness.changes.perform import perform
from harness.changes.undo import undo_all
from harness.errors import HarnessError
from harness.kube.errors import NotFoundError, UnreachableError
from harness.model.annotations import NGINX
from harness.model.changes import (
    CHANGE_KINDS,
    ChangeSpec,
    DeletePod,
    Evict,
    IngressEdit,
    NoChange,
    Restart,
    RollingUpdate,
    Scale,
    SelectorPatch,
)
from harness.testing.fake_workloads import WorkloadPart

if TYPE_CHECKING:
    from tests.changes.conftest import World
NS = "demo"

ROLL = RollingUpdate(name="roll", deployment="apple", set={"args": ["-text=apple-v{time}x"]}, answer="apple-v{time}x")
RESTART = Restart(name="restart", deployment="apple")
DELETE = DeletePod(name="delete", deployment="apple")
FORCE = DeletePod(name="force", deployment="apple", force=True)
EVICT = Evict(name="evict", deployment="apple", within=0.1)
SCALE = Scale(name="scale", deployment="apple", replicas=3)
REPOINT = SelectorPatch(name="repoint", service="apple-service", selector={"version": "banana-v1"}, answer="banana*")
NOBODY = SelectorPatch(name="nobody", service="apple-service", selector={"version": "nobody"})
EDIT = IngressEdit(name="edit", ingress="fruit", annotations={"x/timeout": "{time}"})
WEIGHT = IngressEdit(name="weight", ingress="fruit", annotations={f"{NGINX}canary-weight": "30"})
CONTROL = NoChange(name="none", hold=0.01)


@pytest.mark.parametrize(
    "spec",
    [ROLL, RESTART, DELETE, FORCE, EVICT, SCALE, REPOINT, NOBODY, EDIT, WEIGHT, CONTROL],
    ids=lambda spec: spec.name,
)
def test_a_change_that_happens_is_observed(world: World, spec: ChangeSpec) -> None:
    """Each change is applied and observed once."""
    assert perform(spec, world.context)
    assert world.what() == ["begin", "applied", "observed", "end"]


def only_reloads(world: World) -> None:
    """Make the ingress controller reload, and show no endpoints."""
    world.ingress.discard("endpoints")


def never_reloads(world: World) -> None:
    """Make the ingress controller use endpoints, and never reload."""
    world.ingress.discard("reload")


def silent_ingress(world: World) -> None:
    """Make the ingress controller do nothing."""
    world.ingress.clear()


def unanswered(world: World) -> None:
    """Make the new version never answer."""
    world.answers = False


def broken(part: WorkloadPart) -> Callable[[World], None]:
    """Make a part of the cluster do nothing."""

    def sabotage(world: World) -> None:
        world.workloads.broken.add(part)

    sabotage.__name__ = f"broken {part}"
    return sabotage


@pytest.mark.parametrize(
    ("spec", "sabotage", "missing"),
    [
        (ROLL, broken(WorkloadPart.DEPLOYMENT_CONTROLLER), "rollout"),
        (ROLL, broken(WorkloadPart.NEW_PODS), "rollout"),
        (ROLL, broken(WorkloadPart.OLD_PODS), "end of the old pods"),
        (ROLL, unanswered, "an answer like 'apple-v1x'"),
        (RESTART, broken(WorkloadPart.DEPLOYMENT_CONTROLLER), "rollout"),
        (RESTART, broken(WorkloadPart.OLD_PODS), "end of the old pods"),
        (DELETE, broken(WorkloadPart.OLD_PODS), "the end of apple-"),
        (EVICT, broken(WorkloadPart.OLD_PODS), "the end of apple-"),
        (EVICT, broken(WorkloadPart.NEW_PODS), "replacement"),
        (DELETE, broken(WorkloadPart.NEW_PODS), "replacement"),
        (FORCE, broken(WorkloadPart.DEPLOYMENT_CONTROLLER), "replacement"),
        (SCALE, broken(WorkloadPart.DEPLOYMENT_CONTROLLER), "rollout"),
        (SCALE, broken(WorkloadPart.NEW_PODS), "rollout"),
        (REPOINT, broken(WorkloadPart.ENDPOINTS), "endpoints"),
        (REPOINT, silent_ingress, "ingress"),
        (REPOINT, unanswered, "an answer like 'banana*'"),
        (NOBODY, broken(WorkloadPart.ENDPOINTS), "endpoints none"),
        (NOBODY, silent_ingress, "ingress"),
        (EDIT, silent_ingress, "reload"),
        (EDIT, never_reloads, "reload"),
        (WEIGHT, only_reloads, "take over the endpoints"),
    ],
    ids=lambda value: getattr(value, "name", None) or getattr(value, "__name__", value),
)
def test_a_change_that_does_not_happen_is_not_observed(
    world: World, spec: ChangeSpec, sabotage: Callable[[World], None], missing: str
) -> None:
    """Each broken condition alone prevents the observation, and the event says what was missing."""
    sabotage(world)

    assert not perform(spec, world.context)
    assert world.what() == ["begin", "applied", "not-observed", "end"]
    assert missing in world.missing()


def test_an_expected_answer_needs_a_pod_behind_the_selector(world: World) -> None:
    """A selector without pods is not observed while an answer is expected, whatever traffic gets."""
    spec = SelectorPatch(name="s", service="apple-service", selector={"version": "nobody"}, answer="banana*")

    assert not perform(spec, world.context)
    assert "any ready pod" in world.missing()


def test_what_the_ingress_did_before_the_endpoints_changed_does_not_count(world: World) -> None:
    """A late event for an older change does not count for this one."""
    world.workloads.broken.add(WorkloadPart.ENDPOINTS)
    looks: list[int] = []

    def early(what: str, since_ns: int) -> bool:
        looks.append(since_ns)
        if len(looks) == 3:
            world.workloads.broken.clear()
            world.workloads(world.kube)
        return since_ns <= looks[0]

    world.context = replace(world.context, ingress_seen=early)

    assert not perform(NOBODY, world.context)
    assert "ingress" in world.missing()


@pytest.mark.parametrize(
    "spec",
    [
        RollingUpdate(name="same", deployment="apple", set={"args": ["-text=apple-v1"]}),
        Scale(name="same", deployment="apple", replicas=1),
        SelectorPatch(name="same", service="apple-service", selector={"version": "apple-v1"}),
        IngressEdit(name="same", ingress="fruit"),
    ],
    ids=lambda spec: spec.kind,
)
def test_a_patch_that_changes_nothing_is_never_observed(make_world: Callable[..., World], spec: ChangeSpec) -> None:
    """It is recorded at once, without waiting for the timeout."""
    world = make_world(timeout=600)

    assert not perform(spec, world.context)
    assert "changes nothing" in world.missing()


@pytest.mark.parametrize("spec", [ROLL, RESTART, DELETE, EVICT, SCALE, REPOINT, EDIT], ids=lambda spec: spec.name)
def test_an_object_that_is_not_there_is_an_error(world: World, spec: Any) -> None:
    """The change can't be made. It still has an end on the timeline."""
    for kind, name in (("Deployment", "apple"), ("Service", "apple-service"), ("Ingress", "fruit")):
        world.kube.remove(kind, name, NS)

    with pytest.raises(NotFoundError):
        perform(spec, world.context)
    assert world.what() == ["begin", "end"]


def test_a_container_that_is_not_there_is_an_error(world: World) -> None:
    """The message names the existing containers."""
    spec = RollingUpdate(name="roll", deployment="apple", container="sidecar", set={"image": "x"})

    with pytest.raises(HarnessError) as caught:
        perform(spec, world.context)
    assert "echo" in caught.value.hint


def test_a_null_in_a_patch_deletes_the_field(world: World) -> None:
    """The annotations of the same edit are set nevertheless."""
    spec = IngressEdit(
        name="edit", ingress="fruit", annotations={"x/timeout": "1"}, patch={"spec": {"ingressClassName": None}}
    )

    assert perform(spec, world.context)
    edited = world.kube.get("Ingress", "fruit", NS)
    assert "ingressClassName" not in edited["spec"]
    assert edited["metadata"]["annotations"] == {"x/timeout": "1"}


@pytest.mark.parametrize("kind", CHANGE_KINDS)
def test_every_kind_of_change_can_be_made(kind: str) -> None:
    """Every kind of the model has an executor."""
    assert callable(executor_of(kind))


def test_repeated_updates_go_on_to_the_next_version(make_world: Callable[..., World]) -> None:
    """Three repetitions give three versions without an undo, each awaited by its own answer."""
    world = make_world(timeout=60)
    spec = RollingUpdate(
        name="roll", deployment="apple", times=3, set={"args": ["-text=apple-v{time}x"]}, answer="apple-v{time}x"
    )

    assert perform(spec, world.context)
    assert world.what() == [
        "begin", "applied", "observed", "quiet", "applied", "observed", "quiet", "applied", "observed", "end",
    ]  # fmt: skip
    assert sorted(set(world.asked)) == ["apple-v1x", "apple-v2x", "apple-v3x"]
    assert container(world)["args"] == ["-text=apple-v3x"]


@pytest.mark.parametrize("spec", [SCALE, REPOINT, EDIT], ids=lambda spec: spec.name)
def test_what_has_an_undo_is_undone_between_repetitions(make_world: Callable[..., World], spec: Any) -> None:
    """It is made, undone and made again. The last one stays until the trial's end."""
    world = make_world(timeout=60)
    twice = replace(spec, times=2)

    assert perform(twice, world.context)
    assert world.what() == [
        "begin", "applied", "observed", "undone", "undo-observed", "quiet", "applied", "observed", "end",
    ]  # fmt: skip


def test_a_held_selector_is_patched_back(make_world: Callable[..., World]) -> None:
    """With a hold, the undo is part of the change, and not earlier than the hold says."""
    world = make_world(timeout=60)
    spec = SelectorPatch(name="s", service="apple-service", selector={"version": "nobody"}, hold=0.05)

    assert perform(spec, world.context)
    assert world.what() == ["begin", "applied", "observed", "undone", "undo-observed", "end"]
    at = {event.what: event.at for event in world.events}
    assert at["undone"] - at["applied"] >= 50_000_000
    assert world.kube.get("Service", "apple-service", NS)["spec"]["selector"] == {"version": "apple-v1"}


def test_an_undo_that_is_not_seen_counts_against_the_change(world: World) -> None:
    """If the endpoints do not return after the undo, the change is not observed."""
    spec = SelectorPatch(name="s", service="apple-service", selector={"version": "nobody"}, hold=0.01)

    def go_deaf(pattern: str, since: int) -> bool:
        return "undone" not in world.what()

    world.context = replace(world.context, ingress_seen=go_deaf)

    assert not perform(spec, world.context)
    assert [e.detail["awaited"] for e in world.events if e.what == "not-observed"] == ["undo-observed"]


def test_a_field_that_others_took_counts_against_the_change(world: World) -> None:
    """If others patch the selector during the hold, it is left, and the change is not observed."""
    spec = SelectorPatch(name="s", service="apple-service", selector={"version": "nobody"}, hold=0.01)

    def interfere(pattern: str, since: int) -> bool:
        world.kube.put({**world.kube.get("Service", "apple-service", NS), "spec": {"selector": {"version": "x"}}}, NS)
        return True

    world.context = replace(world.context, ingress_seen=interfere)

    assert not perform(spec, world.context)
    assert "somebody else" in world.missing()


def test_a_restless_system_is_recorded(world: World) -> None:
    """The next repetition is made nevertheless, but the change is not observed."""
    world.quiet = False
    spec = Restart(name="restart", deployment="apple", times=2)

    assert not perform(spec, world.context)
    assert world.what() == ["begin", "applied", "observed", "not-observed", "applied", "observed", "end"]


def test_a_stuck_rollout_is_observed_and_undone(make_world: Callable[..., World]) -> None:
    """After its progress deadline it is undone, and the old version is complete again."""
    world = make_world(timeout=60)
    before = container(world)
    world.workloads.broken.add(WorkloadPart.NEW_PODS)
    spec = RollingUpdate(name="stuck", deployment="apple", set={"image": "none"}, until="progress-deadline")

    assert perform(spec, world.context)
    assert world.what() == ["begin", "applied", "observed", "undone", "undo-observed", "end"]
    assert container(world) == before


def test_a_rollout_that_was_to_get_stuck_and_did_not_is_not_observed(world: World) -> None:
    """A complete rollout did not exceed its deadline."""
    spec = RollingUpdate(name="stuck", deployment="apple", set={"image": "good"}, until="progress-deadline")

    assert not perform(spec, world.context)
    assert "progress deadline" in world.missing()


def test_the_undo_is_on_disk_before_the_api_is_asked(world: World) -> None:
    """If the server breaks off during the change, the journal has its undo."""
    world.kube.refusals["patch"] = UnreachableError("patch", 0, "no answer", "broken")
    with pytest.raises(UnreachableError):
        perform(SCALE, replace(world.context, restore=True))

    assert [entry.kind for entry in world.context.undo.open_entries()] == ["Deployment"]
    assert "/spec/replicas" in world.context.undo.path.read_text()


def test_a_lasting_namespace_is_restored_by_the_journal(make_world: Callable[..., World]) -> None:
    """If the namespace outlives the trial, undo_all restores everything."""
    world = make_world(restore=True)
    before = container(world)
    perform(ROLL, world.context)
    assert container(world) != before

    undo_all(world.context.undo, world.kube)

    assert container(world) == before


def test_a_namespace_that_goes_leaves_nothing_open(world: World) -> None:
    """If the namespace is removed with the trial, the journal is closed."""
    perform(ROLL, world.context)

    assert world.context.undo.open_entries() == ()


def test_a_forced_deletion_has_no_grace(world: World) -> None:
    """The pod's object is removed at once."""
    world.workloads.broken.update({WorkloadPart.OLD_PODS, WorkloadPart.DEPLOYMENT_CONTROLLER})
    before = world.kube.list("Pod", NS, labels="app=apple")

    perform(FORCE, world.context)

    assert before
    assert world.kube.list("Pod", NS, labels="app=apple") == []


def test_an_api_server_that_is_away_for_a_moment_is_asked_again(make_world: Callable[..., World]) -> None:
    """Failed checks are repeated until the deadline."""
    world = make_world(timeout=60)
    answers = iter([True, False])

    def flaky(pattern: str, since: int) -> bool:
        if next(answers, False):
            raise UnreachableError("list", 0, "no answer", "refused")
        return True

    world.context = replace(world.context, ingress_seen=flaky)

    assert perform(EDIT, world.context)


def test_times_are_in_order(world: World) -> None:
    """Begun <= applied <= observed, on the run's clock."""
    perform(EDIT, world.context)

    applied, observed = world.events[1], world.events[2]
    begun = applied.detail["begun"]
    assert isinstance(begun, int)
    assert begun <= applied.at <= observed.at


def container(world: World) -> Any:
    """Return the container of apple's template."""
    return world.kube.get("Deployment", "apple", NS)["spec"]["template"]["spec"]["containers"][0]


def test_where_the_ingress_cannot_be_seen_the_answer_says_as_much(world: World) -> None:
    """If the controller has no observable events, the new answer shows the switch. Without an answer nothing does."""
    world.ingress.clear()
    world.context = replace(world.context, ingress_signals=frozenset())
    spec = SelectorPatch(name="s", service="apple-service", selector={"version": "banana-v1"}, answer="banana*")

    assert perform(spec, world.context)
    assert not perform(NOBODY, world.context)
    assert "ingress controller" in world.missing()


def test_the_weight_of_a_canary_needs_no_reload(world: World) -> None:
    """ingress-nginx applies it with the endpoints; any other annotation next to it needs the reload."""
    never_reloads(world)
    both = replace(WEIGHT, annotations={**WEIGHT.annotations, f"{NGINX}proxy-body-size": "1m"})

    assert perform(WEIGHT, world.context)
    assert not perform(both, world.context)


def test_a_selector_loses_a_label_and_gets_it_back(world: World) -> None:
    """The undo restores the lost label and removes the new one."""
    before = world.kube.get("Service", "apple-service", NS)["spec"]["selector"]
    spec = SelectorPatch(name="s", service="apple-service", selector={"version": None, "app": "banana"}, hold=0.01)

    assert perform(spec, world.context)
    assert spec.selector_after(before) == {"app": "banana"}
    assert world.kube.get("Service", "apple-service", NS)["spec"]["selector"] == before
