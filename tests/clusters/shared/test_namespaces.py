"""Namespaces of trials have unique names and are removed. Others are never touched."""

from __future__ import annotations

import pytest

from harness.clusters.shared import namespaces
from harness.clusters.shared.namespaces import namespace_name, remove_namespace
from harness.errors import HarnessError
from harness.kube.client import MANAGED_BY
from harness.kube.errors import NotFoundError
from harness.testing.fake_api import FakeKube
from harness.testing.fake_workloads import pod


def namespace(name: str, labels: dict[str, str]) -> dict[str, object]:
    """Return a namespace."""
    return {"kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def test_names_are_allowed_and_unique() -> None:
    """Any trial name gives a valid name of a namespace, and different trials never share one."""
    names = {namespace_name("harness", f"{'Long_Name.' * 10}{number}") for number in range(3)}

    assert len(names) == 3
    assert all(len(name) <= 63 and name.replace("-", "").isalnum() and name == name.lower() for name in names)


def test_namespace_of_ours_is_removed() -> None:
    """It is gone when the call returns. A missing one is no error."""
    kube = FakeKube()
    kube.put(namespace("trial", dict(MANAGED_BY)), "")
    remove_namespace(kube, "trial")
    remove_namespace(kube, "trial")

    with pytest.raises(NotFoundError):
        kube.get("Namespace", "trial", "")


def test_namespace_of_somebody_else_is_left_alone() -> None:
    """Without our label it is not touched, and the error says so."""
    kube = FakeKube()
    kube.put(namespace("trial", {"team": "payments"}), "")

    with pytest.raises(HarnessError, match="not created by the harness"):
        remove_namespace(kube, "trial")
    assert kube.get("Namespace", "trial", "")


def test_namespace_that_stays_is_reported_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pods get one second, and the error says what still blocks the removal."""
    monkeypatch.setattr(namespaces, "GONE_SECONDS", 0.3)
    kube = FakeKube()
    held = namespace("trial", dict(MANAGED_BY))
    held["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"  # type: ignore[index]
    held["status"] = {"conditions": [{"status": "True", "message": "a finalizer is left"}]}
    kube.put(held, "")
    kube.put(pod("slow", {}, "127.9.1.1"), "trial")

    with pytest.raises(HarnessError, match="a finalizer is left"):
        remove_namespace(kube, "trial")
    assert kube.get("Pod", "slow", "trial")["metadata"]["deletionGracePeriodSeconds"] == 1
