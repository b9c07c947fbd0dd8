"""A run on a shared cluster creates no cluster-scoped object: it is refused before anything is applied."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api_server import api_server

from harness.clusters.base import BringUp
from harness.clusters.context.provider import ContextProvider
from harness.clusters.shared.scope import check_object, refuse_cluster_scoped
from harness.errors import InvalidInputError
from harness.kube.client import Kube
from harness.kube.errors import NotFoundError
from harness.kube.scopes import CLUSTER_SCOPED
from harness.model.controllers import controller_facts
from harness.runner.deploy import deploy
from harness.testing.fake_api import FakeKube

NAMESPACE = "harness-trial"


def manifest(kind: str, version: str = "v1", **more: Any) -> dict[str, Any]:
    """Return an object."""
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "one"}, **more}


CLASS = manifest("IngressClass", "networking.k8s.io/v1", spec={"controller": "example.com/nobody"})
SETTINGS = manifest("ConfigMap", data={"a": "1"})


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Iterator[Path]:
    """Return the kubeconfig of an existing API server, with the context ``harness-users``."""
    with api_server(tmp_path, "127.241.0.2", "users") as path:
        yield path


@pytest.mark.parametrize("group", CLUSTER_SCOPED)
def test_built_in_kinds_are_refused_without_a_server(group: str) -> None:
    """Each is named, with a hint."""
    for kind in CLUSTER_SCOPED[group]:
        problem = check_object(manifest(kind, f"{group}/v1" if group else "v1"))

        assert problem is not None
        assert problem.message.startswith(f"{kind} one is cluster-scoped")
        assert "create it before the run" in problem.hint


@pytest.mark.parametrize("kind", ["ConfigMap", "Pod", "PersistentVolumeClaim"])
def test_namespaced_objects_are_accepted(kind: str) -> None:
    """They have no problem."""
    assert check_object(manifest(kind)) is None


def test_the_server_knows_the_scope_of_custom_kinds() -> None:
    """It is not guessed, and all cluster-scoped objects are named at once."""
    kube = FakeKube()
    kube.cluster_scoped |= {"ClusterIssuer", "ClusterPolicy"}
    workload = [manifest(kind, "example.com/v1") for kind in ("ClusterIssuer", "Certificate", "ClusterPolicy")]

    with pytest.raises(InvalidInputError) as caught:
        refuse_cluster_scoped(kube, workload)
    assert [problem.message.split()[0] for problem in caught.value.problems] == ["ClusterIssuer", "ClusterPolicy"]


def test_a_built_in_kind_that_is_not_served_is_refused(kubeconfig: Path) -> None:
    """Its scope is unknown, and it could not be applied."""
    with Kube(kubeconfig) as kube, pytest.raises(InvalidInputError, match="has no kind Widget"):
        refuse_cluster_scoped(kube, [manifest("Widget", "apps/v1")])


def test_a_custom_kind_that_is_not_served_is_left_out_with_a_notice(kubeconfig: Path, tmp_path: Path) -> None:
    """The server is asked; a trial does without it, and its evidence says so."""
    monitor = manifest("ServiceMonitor", "monitoring.coreos.com/v1")
    with Kube(kubeconfig) as kube:
        refuse_cluster_scoped(kube, [monitor, SETTINGS])
        notices = deploy(kube, [monitor, SETTINGS], NAMESPACE, shared=True, evidence=tmp_path)

        assert kube.get("ConfigMap", "one", NAMESPACE)["data"] == {"a": "1"}
    assert notices == (
        "ServiceMonitor one is left out: the cluster has no kind ServiceMonitor in monitoring.coreos.com/v1",
    )
    assert (tmp_path / "left-out.txt").read_text() == f"{notices[0]}\n"


def test_a_run_on_a_context_asks_the_server_first(kubeconfig: Path) -> None:
    """The check before a run refuses the workload, whatever the check of the files said."""
    options = {"context": "harness-users", "kubeconfig": str(kubeconfig)}
    request = BringUp("demo", kubeconfig.parent, options=options, workload=(SETTINGS, CLASS))

    with pytest.raises(InvalidInputError, match="IngressClass one is cluster-scoped"):
        ContextProvider().check(request)
    ContextProvider().check(BringUp("demo", kubeconfig.parent, options=options, workload=(SETTINGS,)))


def test_a_refused_workload_is_not_applied(kubeconfig: Path) -> None:
    """Nothing is applied, not even the namespace or objects before the refused one."""
    with Kube(kubeconfig) as kube:
        with pytest.raises(InvalidInputError, match="IngressClass one"):
            deploy(kube, [SETTINGS, CLASS], NAMESPACE, shared=True)

        assert kube.list("IngressClass", "") == []
        with pytest.raises(NotFoundError):
            kube.get("Namespace", NAMESPACE, "")


def test_settings_of_a_controller_are_written_only_for_a_controller_of_its_own(kubeconfig: Path) -> None:
    """On a shared cluster, an object of this name stays in the trial's namespace and configures nothing."""
    settings = {**SETTINGS, "metadata": {"name": "ingress-nginx-controller"}}
    address = controller_facts("ingress-nginx").address
    with Kube(kubeconfig) as kube:
        deploy(kube, [settings], NAMESPACE, shared=True, controller=address)
        with pytest.raises(NotFoundError):
            kube.get("ConfigMap", "ingress-nginx-controller", "ingress-nginx")

        deploy(kube, [settings], f"{NAMESPACE}-2", shared=False, controller=address)
        assert kube.get("ConfigMap", "ingress-nginx-controller", "ingress-nginx")["data"] == {"a": "1"}


def test_a_cluster_of_its_own_accepts_it(kubeconfig: Path) -> None:
    """The object is removed with the cluster."""
    with Kube(kubeconfig) as kube:
        deploy(kube, [SETTINGS, CLASS], NAMESPACE, shared=False)

        assert [found["metadata"]["name"] for found in kube.list("IngressClass", "")] == ["one"]
        assert kube.get("ConfigMap", "one", NAMESPACE)["data"] == {"a": "1"}
