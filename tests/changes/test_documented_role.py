"""Each change works with exactly the documented rights, behind each ingress controller."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from documentation import documented_role

from harness.changes.context import ChangeContext
from harness.changes.perform import perform
from harness.clusters.context.rules import reaches_beyond
from harness.controller_objects import ControllerAddress
from harness.kit.processes import Ended
from harness.localkube.ingress.x509 import self_signed
from harness.model.changes import (
    CHANGE_KINDS,
    AbTest,
    BlueGreen,
    Canary,
    CertificateRotation,
    ChangeSpec,
    ControllerRestart,
    DeletePod,
    Drain,
    Evict,
    IngressEdit,
    Kubectl,
    NoChange,
    Restart,
    Retire,
    RollingUpdate,
    Scale,
    SelectorPatch,
    Start,
    Step,
)
from harness.model.controllers import CONTROLLERS as TABLE
from harness.testing.fake_workloads import WorkloadPart
from harness.testing.role_bound_api import Grant, RoleBoundKube

if TYPE_CHECKING:
    from tests.changes.conftest import World

NS = "demo"
CONTROLLERS = tuple(word for word, facts in TABLE.items() if facts.share_rights)
CREATED = ("IngressRoute", "TraefikService")
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
RULE: Mapping[str, Any] = {"ingress": "fruit", "path": "/apple", "service": "apple-service", "answer": "banana*"}
CANARY = Canary(
    name="canary",
    canary="banana-service",
    route="/apple",
    steps=(Step(10, 0), Step(100, 0)),
    retire=Retire("apple"),
    **RULE,
)
BY_WEIGHT = AbTest(name="weight", candidate="banana-service", by="weight", sticky="stay", a=("/apple",), hold=0, **RULE)
BY_HEADER = replace(BY_WEIGHT, name="header", by="header", key="X", value="b", sticky="", b=("beta",))
STUCK = RollingUpdate(name="stuck", deployment="apple", set={"image": "x"}, until="progress-deadline")

#: Every kind with all that it may do: whatever can be started, retired, rolled back or undone is.
CHANGES: Mapping[str, ChangeSpec] = {
    "none": NoChange(name="none", hold=0),
    "rolling-update": RollingUpdate(name="roll", deployment="apple", set={"args": ["-text=v2"]}, answer="v2"),
    "rolling-update that gets stuck": STUCK,
    "restart": Restart(name="restart", deployment="apple"),
    "restart of a StatefulSet": Restart(name="restart", statefulset="db"),
    "restart of a DaemonSet": Restart(name="restart", daemonset="agent"),
    "rolling-update of a StatefulSet": RollingUpdate(name="roll", statefulset="db", set={"args": ["-text=v2"]}),
    "rolling-update of a DaemonSet": RollingUpdate(name="roll", daemonset="agent", set={"args": ["-text=v2"]}),
    "delete-pod": DeletePod(name="delete", deployment="apple"),
    "evict": Evict(name="evict", deployment="apple", pods="all"),
    "drain": Drain(name="drain"),
    "scale": Scale(name="scale", deployment="apple", replicas=3),
    "selector-patch": SelectorPatch(name="patch", service="apple-service", selector={"version": "banana-v1"}),
    "ingress-edit": IngressEdit(name="edit", ingress="fruit", annotations={"x/timeout": "{time}"}),
    "blue-green": BlueGreen(
        name="switch", service="apple-service", selector={"version": "banana-v1"}, public=("/apple",), answer="banana*",
        start=Start("banana", 2), retire=Retire("apple"), back=0.01,
    ),
    "canary": CANARY,
    "canary that loses": replace(CANARY, name="losing"),
    "ab-test by header": BY_HEADER,
    "ab-test by weight": BY_WEIGHT,
    "certificate-rotation": CertificateRotation(name="rotation", secret="shop-tls", host="h", source="shop-next"),
    "kubectl": Kubectl(name="command", command=("get", "pods"), answers={"/apple": ("v2",)}),
    "controller-restart": ControllerRestart(name="again"),
}  # fmt: skip


def with_served_certificate(world: World) -> ChangeContext:
    """Return the context of a world with two certificates, in which connections get that of ``shop-tls``."""
    kube = world.kube
    for name in ("shop-tls", "shop-next"):
        made = "".join(self_signed("h", ["h"], 30)).encode()
        data = {key: base64.b64encode(made).decode() for key in ("tls.crt", "tls.key")}
        kube.put({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}, NS)

    def served(_host: str) -> bytes:
        chain = base64.b64decode(kube.get("Secret", "shop-tls", NS)["data"]["tls.crt"]).decode()
        return ssl.PEM_cert_to_DER_cert(chain[: chain.index("-----BEGIN PRIVATE KEY-----")])

    return replace(world.context, certificate_of=served)


def prepared(make_world: Callable[..., World], case: str, controller: str) -> World:
    """Return a world in which the change of a case happens, is undone, and is observed."""
    world = make_world(timeout=2)
    world.kube.put(INGRESS, NS)
    world.ingress |= {"configured"}
    world.context = replace(
        world.context,
        ingress=controller,
        ingress_signals=TABLE[controller].tells,
        controller=ControllerAddress(NS, "apple", "apple", {}),
        undo_after=0.0,
        kubeconfig=Path("kubeconfig"),
    )
    if case == "rolling-update that gets stuck":
        world.workloads.broken.add(WorkloadPart.NEW_PODS)
    if case == "canary that loses":
        world.context = replace(world.context, lost=lambda _since: 1)
    if CHANGES[case].target in CHANGES[case].facts.others:
        world.with_sets()
    if case == "certificate-rotation":
        world.context = with_served_certificate(world)
    if case.startswith("ab-test"):
        split = world.kube
        names = ("fruit-canary",)
        world.context = replace(
            world.context,
            answered=lambda _pattern, _since, _route="": any(
                item["metadata"]["name"] in names for kind in ("Ingress", *CREATED) for item in split.list(kind, NS)
            ),
        )
    return world


def role_of(case: str) -> frozenset[Grant]:
    """Return the documented Role, with the rights of a kind that is never made on a cluster of others."""
    facts = CHANGES[case].facts
    own = facts.rights if reaches_beyond(facts) else ()
    return documented_role("ClusterRole") | {Grant(r.group, r.resource, verb) for r in own for verb in r.verbs}


def carried_out(world: World, case: str, granted: frozenset[Grant]) -> RoleBoundKube:
    """Make the change of a case on an API server that permits only the Role's rights."""
    kube = RoleBoundKube(world.kube, granted)
    world.context = replace(world.context, kube=kube)
    seen = perform(CHANGES[case], world.context)
    assert kube.refused == set()
    assert seen, world.missing()
    return kube


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.changes.kinds.ab_test.QUIET_SECONDS", 0.0)
    monkeypatch.setattr("harness.changes.kinds.kubectl.attempt", lambda *_words, **_options: Ended(0, "", ""))


def test_every_kind_of_change_is_a_case() -> None:
    """A kind without a case could lack a right."""
    assert {spec.kind for spec in CHANGES.values()} == set(CHANGE_KINDS)


@pytest.mark.parametrize("controller", CONTROLLERS)
@pytest.mark.parametrize(
    "case",
    CHANGES,
)
def test_the_documented_role_is_enough(make_world: Callable[..., World], case: str, controller: str) -> None:
    """Each change is made, observed and undone with the documented Role."""
    carried_out(prepared(make_world, case, controller), case, role_of(case))


@pytest.mark.parametrize("controller", CONTROLLERS)
def test_the_rights_of_changes_are_those_that_are_used(make_world: Callable[..., World], controller: str) -> None:
    """The facts of each kind have exactly the rights that it uses."""
    used: dict[str, set[Grant]] = {spec.made: set() for spec in CHANGES.values()}
    for case, spec in CHANGES.items():
        kube = carried_out(prepared(make_world, case, controller), case, role_of(case))
        used[spec.made] |= kube.used
    stated = {
        spec.made: {
            Grant(right.group, right.resource, verb)
            for right in spec.facts.rights_behind(controller, spec.target)
            for verb in right.verbs
        }
        for spec in CHANGES.values()
    }

    assert {made: used[made] - stated[made] for made in stated if used[made] - stated[made]} == {}
    assert set().union(*stated.values()) - set().union(*used.values()) == set()
    splitting = {kind for kind, spec in CHANGE_KINDS.items() if spec.facts.splits_requests}
    assert {made for made in stated if stated[made] != used[made]} <= splitting


def test_a_right_that_is_missing_is_noticed(make_world: Callable[..., World]) -> None:
    """Without ``delete`` on Ingresses, an A/B test is made but its undo is refused."""
    lacking = documented_role("ClusterRole") - {Grant("networking.k8s.io", "ingresses", "delete")}
    world = prepared(make_world, "ab-test by header", "ingress-nginx")
    kube = RoleBoundKube(world.kube, lacking)
    world.context = replace(world.context, kube=kube)

    assert not perform(CHANGES["ab-test by header"], world.context)
    assert kube.refused == {Grant("networking.k8s.io", "ingresses", "delete")}


def specs(world: World) -> dict[tuple[str, str], object]:
    """Return the fields that users write, of every object that a change may modify."""
    return {
        (kind, item["metadata"]["name"]): (item["spec"], item["metadata"].get("annotations") or {})
        for kind, namespace in (*((kind, NS) for kind in ("Deployment", "Service", "Ingress", *CREATED)), ("Node", ""))
        for item in world.kube.list(kind, namespace)
    }


@pytest.mark.parametrize("controller", CONTROLLERS)
@pytest.mark.parametrize("case", CHANGES)
def test_what_can_be_undone_is_undone(make_world: Callable[..., World], case: str, controller: str) -> None:
    """Everything is as before, or nothing was ever in the journal, as the facts say."""
    world = prepared(make_world, case, controller)
    before = specs(world)
    assert perform(CHANGES[case], world.context)

    if CHANGES[case].facts.undoable:
        assert specs(world) == before
    else:
        assert not world.context.undo.path.exists()
