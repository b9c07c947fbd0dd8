"""Each change is made and seen; and each is not seen when it did not really happen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from harness.changes.perform import executor_of, perform
from harness.changes.undo import undo_all
from harness.errors import HarnessError
from harness.kube.errors import NotFoundError, UnreachableError
from harness.model.changes import (
    CHANGE_KINDS,
    ChangeSpec,
    DeletePod,
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
SCALE = Scale(name="scale", deployment="apple", replicas=3)
REPOINT = SelectorPatch(name="repoint", service="apple-service", selector={"version": "banana-v1"}, answer="banana*")
NOBODY = SelectorPatch(name="nobody", service="apple-service", selector={"version": "nobody"})
EDIT = IngressEdit(name="edit", ingress="fruit", annotations={"x/timeout": "{time}"})
CONTROL = NoChange(name="none", hold=0.01)


@pytest.mark.parametrize(
    "spec", [ROLL, RESTART, DELETE, FORCE, SCALE, REPOINT, NOBODY, EDIT, CONTROL], ids=lambda spec: spec.name
)
def test_a_change_that_happens_is_seen(world: World, spec: ChangeSpec) -> None:
    """With everything in order each change is applied and observed, once."""
    assert perform(spec, world.context)
    assert world.what() == ["begin", "applied", "observed", "end"]


def deaf(world: World) -> None:
    """The ingress controller does nothing."""
    world.ingress.clear()


def unanswered(world: World) -> None:
    """The new version never answers."""
    world.answers = False


def broken(part: WorkloadPart) -> Callable[[World], None]:
    """A part of the cluster does not follow."""

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
        (DELETE, broken(WorkloadPart.OLD_PODS), "end of the deleted pod"),
        (DELETE, broken(WorkloadPart.NEW_PODS), "replacement"),
        (FORCE, broken(WorkloadPart.DEPLOYMENT_CONTROLLER), "replacement"),
        (SCALE, broken(WorkloadPart.DEPLOYMENT_CONTROLLER), "rollout"),
        (SCALE, broken(WorkloadPart.NEW_PODS), "rollout"),
        (REPOINT, broken(WorkloadPart.ENDPOINTS), "endpoints"),
        (REPOINT, deaf, "ingress"),
        (REPOINT, unanswered, "an answer like 'banana*'"),
        (NOBODY, broken(WorkloadPart.ENDPOINTS), "endpoints none"),
        (NOBODY, deaf, "ingress"),
        (EDIT, deaf, "reload"),
    ],
    ids=lambda value: getattr(value, "name", None) or getattr(value, "__name__", value),
)
def test_a_change_that_does_not_happen_is_not_seen(
    world: World, spec: ChangeSpec, sabotage: Callable[[World], None], missing: str
) -> None:
    """Each condition alone, when broken, makes the change not observed, and the event says what was missing."""
    sabotage(world)

    assert not perform(spec, world.context)
    assert world.what() == ["begin", "applied", "not-observed", "end"]
    assert missing in world.missing()


def test_an_answer_to_come_needs_a_pod_behind_the_selector(world: World) -> None:
    """A selector that finds nobody is not seen as switched while an answer is expected, whatever traffic says."""
    spec = SelectorPatch(name="s", service="apple-service", selector={"version": "nobody"}, answer="banana*")

    assert not perform(spec, world.context)
    assert "any ready pod" in world.missing()


def test_what_the_ingress_did_before_the_endpoints_changed_does_not_count(world: World) -> None:
    """An older change that the ingress controller takes over late is not taken for this one."""
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
    """It is said at once, without waiting for the timeout."""
    world = make_world(timeout=600)

    assert not perform(spec, world.context)
    assert "changes nothing" in world.missing()


@pytest.mark.parametrize("spec", [ROLL, RESTART, DELETE, SCALE, REPOINT, EDIT], ids=lambda spec: spec.name)
def test_an_object_that_is_not_there_is_an_error(world: World, spec: Any) -> None:
    """A change that can't be made at all is told as such, and still ends on the timeline."""
    for kind, name in (("Deployment", "apple"), ("Service", "apple-service"), ("Ingress", "fruit")):
        world.kube.remove(kind, name, NS)

    with pytest.raises(NotFoundError):
        perform(spec, world.context)
    assert world.what() == ["begin", "end"]


def test_a_container_that_is_not_there_is_an_error(world: World) -> None:
    """The message names the containers that there are."""
    spec = RollingUpdate(name="roll", deployment="apple", container="sidecar", set={"image": "x"})

    with pytest.raises(HarnessError) as caught:
        perform(spec, world.context)
    assert "echo" in caught.value.hint


def test_a_null_in_a_patch_deletes_the_field(world: World) -> None:
    """A JSON merge patch says so; annotations of the same edit are set all the same."""
    spec = IngressEdit(
        name="edit", ingress="fruit", annotations={"x/timeout": "1"}, patch={"spec": {"ingressClassName": None}}
    )

    assert perform(spec, world.context)
    edited = world.kube.get("Ingress", "fruit", NS)
    assert "ingressClassName" not in edited["spec"]
    assert edited["metadata"]["annotations"] == {"x/timeout": "1"}


@pytest.mark.parametrize("kind", CHANGE_KINDS)
def test_every_kind_of_change_can_be_made(kind: str) -> None:
    """No kind of the model is without its executor."""
    assert callable(executor_of(kind))


def test_repeated_updates_go_on_to_the_next_version(make_world: Callable[..., World]) -> None:
    """Three times: three versions, nothing undone in between, each awaited by its own answer."""
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
    """Twice: made, undone, at rest, made again; the second one stays until the trial's end."""
    world = make_world(timeout=60)
    twice = replace(spec, times=2)

    assert perform(twice, world.context)
    assert world.what() == [
        "begin", "applied", "observed", "undone", "undo-observed", "quiet", "applied", "observed", "end",
    ]  # fmt: skip


def test_a_held_selector_is_patched_back(make_world: Callable[..., World]) -> None:
    """With a hold the way back is part of the change, not earlier than the hold says."""
    world = make_world(timeout=60)
    spec = SelectorPatch(name="s", service="apple-service", selector={"version": "nobody"}, hold=0.05)

    assert perform(spec, world.context)
    assert world.what() == ["begin", "applied", "observed", "undone", "undo-observed", "end"]
    at = {event.what: event.at for event in world.events}
    assert at["undone"] - at["applied"] >= 50_000_000
    assert world.kube.get("Service", "apple-service", NS)["spec"]["selector"] == {"version": "apple-v1"}


def test_an_undo_that_is_not_seen_counts_against_the_change(world: World) -> None:
    """A selector patched back whose endpoints never come back is not observed."""
    spec = SelectorPatch(name="s", service="apple-service", selector={"version": "nobody"}, hold=0.01)

    def go_deaf(pattern: str, since: int) -> bool:
        return "undone" not in world.what()

    world.context = replace(world.context, ingress_seen=go_deaf)

    assert not perform(spec, world.context)
    assert [e.detail["awaited"] for e in world.events if e.what == "not-observed"] == ["undo-observed"]


def test_a_field_that_others_took_counts_against_the_change(world: World) -> None:
    """If somebody else patches the selector during the hold, it is left alone and the change is not observed."""
    spec = SelectorPatch(name="s", service="apple-service", selector={"version": "nobody"}, hold=0.01)

    def interfere(pattern: str, since: int) -> bool:
        world.kube.put({**world.kube.get("Service", "apple-service", NS), "spec": {"selector": {"version": "x"}}}, NS)
        return True

    world.context = replace(world.context, ingress_seen=interfere)

    assert not perform(spec, world.context)
    assert "somebody else" in world.missing()


def test_a_system_that_does_not_come_to_rest_is_said(world: World) -> None:
    """The next repetition is made all the same, and the change does not count as observed."""
    world.quiet = False
    spec = Restart(name="restart", deployment="apple", times=2)

    assert not perform(spec, world.context)
    assert world.what() == ["begin", "applied", "observed", "not-observed", "applied", "observed", "end"]


def test_a_stuck_rollout_is_seen_as_failed_and_put_back(make_world: Callable[..., World]) -> None:
    """Until its progress deadline: called failed, undone, and the old version complete again."""
    world = make_world(timeout=60)
    before = container(world)
    world.workloads.broken.add(WorkloadPart.NEW_PODS)
    spec = RollingUpdate(name="stuck", deployment="apple", set={"image": "none"}, until="progress-deadline")

    assert perform(spec, world.context)
    assert world.what() == ["begin", "applied", "observed", "undone", "undo-observed", "end"]
    assert container(world) == before


def test_a_rollout_that_was_to_get_stuck_and_did_not_is_not_observed(world: World) -> None:
    """A rollout that completes is not one that exceeded its deadline."""
    spec = RollingUpdate(name="stuck", deployment="apple", set={"image": "good"}, until="progress-deadline")

    assert not perform(spec, world.context)
    assert "progress deadline" in world.missing()


def test_the_undo_is_on_disk_before_the_api_is_asked(world: World) -> None:
    """When the server breaks off in the middle of the change, the journal knows how to put it back."""
    world.kube.refusals["patch"] = UnreachableError("patch", 0, "no answer", "broken")
    with pytest.raises(UnreachableError):
        perform(SCALE, replace(world.context, restore=True))

    assert [entry.kind for entry in world.context.undo.open_entries()] == ["Deployment"]
    assert "/spec/replicas" in world.context.undo.path.read_text()


def test_a_lasting_namespace_is_restored_by_the_journal(make_world: Callable[..., World]) -> None:
    """Where the namespace outlives the trial, undo_all puts back all that is left changed."""
    world = make_world(restore=True)
    before = container(world)
    perform(ROLL, world.context)
    assert container(world) != before

    undo_all(world.context.undo, world.kube)

    assert container(world) == before


def test_a_namespace_that_goes_leaves_nothing_open(world: World) -> None:
    """Where the namespace goes with the trial, the journal says so and is closed."""
    perform(ROLL, world.context)

    assert world.context.undo.open_entries() == ()


def test_a_forced_deletion_has_no_grace(world: World) -> None:
    """The pod's object is gone at once, with nobody to end the pod."""
    world.workloads.broken.update({WorkloadPart.OLD_PODS, WorkloadPart.DEPLOYMENT_CONTROLLER})
    before = world.kube.list("Pod", NS, labels="app=apple")

    perform(FORCE, world.context)

    assert before
    assert world.kube.list("Pod", NS, labels="app=apple") == []


def test_an_api_server_that_is_away_for_a_moment_is_asked_again(make_world: Callable[..., World]) -> None:
    """Looks that fail are repeated until the deadline."""
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
    """The container of apple's template."""
    return world.kube.get("Deployment", "apple", NS)["spec"]["template"]["spec"]["containers"][0]


def test_where_the_ingress_cannot_be_seen_the_answer_says_as_much(world: World) -> None:
    """On a cluster whose controller tells nothing, the new answer shows the switch; without one nothing does."""
    world.ingress.clear()
    world.context = replace(world.context, ingress_signals=frozenset())
    spec = SelectorPatch(name="s", service="apple-service", selector={"version": "banana-v1"}, answer="banana*")

    assert perform(spec, world.context)
    assert not perform(NOBODY, world.context)
    assert "ingress controller" in world.missing()
