"""A command of kubectl is evidence with its code and output, and nothing more is claimed of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.changes.perform import perform
from harness.errors import CommandError, HarnessError
from harness.kit.processes import Ended
from harness.model.changes import Kubectl
from harness.testing.fake_workloads import WorkloadPart

if TYPE_CHECKING:
    from tests.changes.conftest import World

NS = "demo"
COMMAND = Kubectl(name="command", command=("set", "env", "deployment/apple", "A=$(date) {time}"))


@dataclass
class Program:
    """A kubectl in memory.

    Attributes:
        ended: Its end.
        does: Its effect.
        argv: The last command line.
        env: The environment of the last command.
        timeout: The time limit of the last command.
    """

    ended: Ended = field(default_factory=lambda: Ended(0, "changed\n", ""))
    does: Callable[[], object] = lambda: None
    argv: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 0.0

    def __call__(self, argv: Sequence[str], *, timeout: float, env: Mapping[str, str]) -> Ended:
        """Run a command."""
        self.argv, self.env, self.timeout = argv, env, timeout
        self.does()
        return self.ended


@pytest.fixture
def owned(make_world: Callable[..., World]) -> World:
    """Return a world that the harness has made, so that it has a kubeconfig."""
    world = make_world()
    world.context = replace(world.context, kubeconfig=Path("its/kubeconfig"))
    return world


@pytest.fixture
def program(owned: World, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Put a kubectl in memory in the place of the real one. It labels a Service, which no controller reacts to."""
    program = Program(
        does=lambda: owned.kube.patch("Service", "apple-service", NS, {"metadata": {"labels": {"a": "b"}}})
    )
    monkeypatch.setattr("harness.changes.kinds.kubectl.attempt", program)
    return program


def applied(world: World) -> Mapping[str, Any]:
    """Return the detail of the applied event."""
    return next(event.detail for event in world.events if event.what == "applied")


def test_the_words_are_passed_on_as_they_are(owned: World, program: Program) -> None:
    """No shell reads them; the cluster and the namespace are those of the trial."""
    assert perform(replace(COMMAND, timeout=7.0), owned.context)

    assert list(program.argv) == ["kubectl", f"--namespace={NS}", "set", "env", "deployment/apple", "A=$(date) 1"]
    assert program.env["KUBECONFIG"] == "its/kubeconfig"
    assert program.timeout == 7.0
    assert owned.what() == ["begin", "applied", "observed", "end"]


def test_code_output_and_changed_objects_are_evidence(owned: World, program: Program) -> None:
    """Objects are compared by what the API server says, not by what the command says."""

    def scale() -> None:
        owned.kube.patch("Deployment", "apple", NS, {"spec": {"replicas": 2}})

    program.does = scale
    program.ended = Ended(0, "x" * 5000, "warning\n")

    assert perform(COMMAND, owned.context)
    detail = applied(owned)
    assert detail["command"] == "kubectl set env deployment/apple 'A=$(date) 1'"
    assert detail["code"] == 0
    assert detail["ms"] >= 0
    assert len(detail["output"]) == 4000
    assert detail["output"].endswith("warning\n")
    changed = detail["changed"].split(", ")
    assert "Deployment/apple" in changed
    assert [each for each in changed if each.startswith("Pod/apple-")]
    assert not [each for each in changed if "banana" in each or "Service" in each]


def test_a_command_that_changes_nothing_is_not_observed(owned: World, program: Program) -> None:
    """Its loss-free traffic would prove nothing, unless the command brings answers that are seen."""
    owned.context = replace(owned.context, timeout=600)
    program.does = lambda: None

    assert not perform(COMMAND, owned.context)
    assert applied(owned)["changed"] == ""
    assert "no Deployment, no StatefulSet" in owned.missing()
    assert perform(replace(COMMAND, answers={"/apple": ("apple-v2",)}), owned.context)


@pytest.mark.parametrize(
    ("kind", "spec"), [("ConfigMap", {"data": {"a": "b"}}), ("Secret", {"data": {"a": "Yg=="}}), ("Pod", {"spec": {}})]
)
def test_a_created_object_is_a_change(owned: World, program: Program, kind: str, spec: dict[str, Any]) -> None:
    """Objects that no Deployment has count, too."""
    made = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "new"}, **spec}
    program.does = lambda: owned.kube.put(made, NS)

    assert perform(COMMAND, owned.context)
    assert applied(owned)["changed"] == f"{kind}/new"


def test_a_rollout_of_a_stateful_set_is_awaited(owned: World, program: Program) -> None:
    """On clusters that run its pods, the change is not over before they are replaced."""
    program.does = lambda: owned.kube.put(
        {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": {"replicas": 1}}, NS
    )

    assert not perform(COMMAND, owned.context)
    assert "the pods of db: its controller has not seen the new spec" in owned.missing()


@pytest.mark.parametrize(("code", "words"), [(1, "ended with code 1: denied"), (-15, "was killed by SIGTERM: denied")])
def test_a_command_that_fails_is_not_observed(owned: World, program: Program, code: int, words: str) -> None:
    """The event has its code and the last line of its errors, without waiting for anything."""
    owned.context = replace(owned.context, timeout=600)
    program.ended = Ended(code, "", "first\ndenied\n")

    assert not perform(COMMAND, owned.context)
    assert words in owned.missing()
    assert applied(owned)["code"] == code


def test_a_command_that_does_not_end_is_an_error(owned: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the command line, as of every program."""

    def never(*_words: object, **_options: object) -> Ended:
        raise CommandError("kubectl did not end within 60 s.")

    monkeypatch.setattr("harness.changes.kinds.kubectl.attempt", never)

    with pytest.raises(CommandError, match="did not end within 60 s"):
        perform(COMMAND, owned.context)


def test_a_rollout_that_the_command_began_must_be_complete(owned: World, program: Program) -> None:
    """Code 0 says that the API server has accepted the change, and no more."""
    owned.workloads.broken.add(WorkloadPart.NEW_PODS)
    program.does = lambda: owned.kube.patch("Deployment", "apple", NS, {"spec": {"replicas": 2}})

    assert not perform(COMMAND, owned.context)
    assert "the pods of apple" in owned.missing()


def test_a_pod_that_the_command_deleted_must_be_gone(owned: World, program: Program) -> None:
    """The command may end before the pod does."""
    owned.workloads.broken.update({WorkloadPart.OLD_PODS, WorkloadPart.DEPLOYMENT_CONTROLLER})
    (pod,) = owned.kube.list("Pod", NS, labels="app=apple")
    program.does = lambda: owned.kube.delete("Pod", pod["metadata"]["name"], NS)

    assert not perform(COMMAND, owned.context)
    assert f"the end of {pod['metadata']['name']}" in owned.missing()


def test_the_answers_of_the_change_are_awaited(owned: World, program: Program) -> None:
    """Each route must get one of its new answers."""
    spec = replace(COMMAND, answers={"/apple": ("apple-v2", "apple-v3")})

    assert perform(spec, owned.context)
    owned.answers = False
    assert not perform(spec, owned.context)
    assert "an answer like 'apple-v2' or 'apple-v3' on /apple" in owned.missing()


def test_on_a_cluster_of_others_nothing_is_run(world: World, program: Program) -> None:
    """There is no kubeconfig for a command."""
    with pytest.raises(HarnessError, match="cluster that the harness has made"):
        perform(COMMAND, world.context)
    assert program.argv == ()
