"""Namespaces for trials on a shared cluster: created for a trial and removed after it. Others are never touched."""

from __future__ import annotations

import re
import zlib

from harness.errors import HarnessError, WaitTimeoutError
from harness.kit.waiting import wait_until
from harness.kube.api import KubeApi
from harness.kube.client import MANAGED_BY
from harness.kube.errors import KubeError, NotFoundError

#: Seconds until a deleted namespace must be gone. Pods get one second each; the rest is the API server's clean-up.
GONE_SECONDS = 120.0
#: Longest name of a namespace.
_LONGEST = 63


def namespace_name(prefix: str, trial: str) -> str:
    """Return the name of a trial's namespace: a prefix, allowed characters of the trial's name, and its checksum."""
    plain = re.sub(r"[^a-z0-9]+", "-", trial.lower()).strip("-")
    number = f"{zlib.crc32(trial.encode()):08x}"
    return f"{prefix}-{plain}"[: _LONGEST - len(number) - 1].rstrip("-") + f"-{number}"


def remove_namespace(kube: KubeApi, name: str) -> None:
    """Delete a namespace of the harness, and wait until it is gone. Does nothing if it does not exist.

    Raises:
        HarnessError: The harness did not create it, or it is not gone in time; says what it still contains.
    """
    try:
        found = kube.get("Namespace", name, "")
    except NotFoundError:
        return
    if not MANAGED_BY.items() <= found["metadata"].get("labels", {}).items():
        raise HarnessError(
            f"The namespace {name} exists already and was not created by the harness.", hint="Rename or remove it."
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
        wait_until(gone, timeout=GONE_SECONDS, what=f"namespace {name} to be removed", interval=0.25)
    except WaitTimeoutError as error:
        raise HarnessError(f"The namespace {name} can't be removed: {last.get('conditions', '')}") from error


def _hurry_pods(kube: KubeApi, namespace: str) -> None:
    """Shorten the grace period of all pods: a preStop hook of a minute would delay the next trial."""
    try:
        for pod in kube.list("Pod", namespace):
            if pod["metadata"].get("deletionGracePeriodSeconds") != 1:
                kube.delete("Pod", pod["metadata"]["name"], namespace, grace=1)
    except KubeError:
        return  # the next attempt will show a lasting error


def _conditions(namespace: dict[str, object]) -> str:
    status = namespace.get("status")
    conditions = status.get("conditions", []) if isinstance(status, dict) else []
    return "; ".join(str(c.get("message", "")) for c in conditions if c.get("status") == "True")
