"""Namespaces of our own on a cluster that others use too: made for a trial, gone after it, never anybody else's."""

from __future__ import annotations

import re
import zlib

from harness.errors import HarnessError, WaitTimeoutError
from harness.kit.waiting import wait_until
from harness.kube.api import KubeApi
from harness.kube.client import MANAGED_BY
from harness.kube.errors import KubeError, NotFoundError

#: Seconds for a namespace to go: pods are given a second each, so most of it is the API server's own clean-up.
GONE_SECONDS = 120.0
#: Longest name of a namespace.
_LONGEST = 63


def namespace_name(prefix: str, trial: str) -> str:
    """A namespace's name for a trial: what of its name is allowed, and a number that keeps it unique."""
    plain = re.sub(r"[^a-z0-9]+", "-", trial.lower()).strip("-")
    number = f"{zlib.crc32(trial.encode()):08x}"
    return f"{prefix}-{plain}"[: _LONGEST - len(number) - 1].rstrip("-") + f"-{number}"


def remove_namespace(kube: KubeApi, name: str) -> None:
    """Delete a namespace of ours with all that is in it, and wait until it is gone; one that is not there is fine.

    Raises:
        HarnessError: It is not ours, or it does not go; says what it still holds.
    """
    try:
        found = kube.get("Namespace", name, "")
    except NotFoundError:
        return
    if not MANAGED_BY.items() <= found["metadata"].get("labels", {}).items():
        raise HarnessError(
            f"The namespace {name} is there already and was not made by the harness.", hint="Rename or remove it."
        )
    if not found["metadata"].get("deletionTimestamp"):
        kube.delete("Namespace", name, "")
    last: dict[str, str] = {}

    def gone() -> bool:
        try:
            last["conditions"] = _conditions(kube.get("Namespace", name, ""))
        except NotFoundError:
            return True
        _hurry_pods(kube, name)
        return False

    try:
        wait_until(gone, timeout=GONE_SECONDS, what=f"namespace {name} to go", interval=0.25)
    except WaitTimeoutError as error:
        raise HarnessError(f"The namespace {name} does not go: {last.get('conditions', '')}") from error


def _hurry_pods(kube: KubeApi, namespace: str) -> None:
    """Nobody waits for these any more: a preStop of a minute would hold up the next trial."""
    try:
        for pod in kube.list("Pod", namespace):
            if pod["metadata"].get("deletionGracePeriodSeconds") != 1:
                kube.delete("Pod", pod["metadata"]["name"], namespace, grace=1)
    except KubeError:
        return  # the next look will show


def _conditions(namespace: dict[str, object]) -> str:
    status = namespace.get("status")
    conditions = status.get("conditions", []) if isinstance(status, dict) else []
    return "; ".join(str(c.get("message", "")) for c in conditions if c.get("status") == "True")
