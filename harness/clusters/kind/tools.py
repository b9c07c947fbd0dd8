"""Runs docker and kind: short queries, and long commands that an interruption ends."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.errors import CommandError, HarnessError, MissingToolError
from harness.kit.processes import ManagedProcess, describe_code, run
from harness.kit.waiting import wait_until

#: Seconds for a query to the Docker daemon.
ASK_SECONDS = 30.0
#: Seconds for `kind delete cluster`.
DELETE_SECONDS = 120.0

#: Control sequences of a terminal.
_SPECIAL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
#: A step in the output of kind: a sign, then the text.
_STEP = re.compile(r"[•✓✗]\s*([ -~]+)")


def query(*argv: str) -> str:
    """Return the output of a short command.

    Raises:
        CommandError: The command failed.
        MissingToolError: The program is not installed.
    """
    return run(argv, timeout=ASK_SECONDS).stdout.strip()


def run_long(
    *argv: str, name: str, log: Path, timeout: float, progress: Callable[[str], None] = lambda _text: None
) -> None:
    """Run a long command. Its output goes to a log, and the steps that kind prints go to ``progress``.

    Raises:
        CommandError: The command failed; with the end of its output.
        WaitTimeoutError: The command did not end in time.
    """
    said = ""

    def ended() -> bool:
        nonlocal said
        steps = _STEP.findall(_clean(process.tail(1)))
        if steps and steps[-1] != said:
            said = steps[-1]
            progress(said.strip())
        return not process.alive()

    with ManagedProcess.start(argv, name=name, log=log) as process:
        wait_until(ended, timeout=timeout, what=f"{name} to end", interval=0.1)
        code = process.returncode
        if code:
            raise CommandError(
                f"{name} {describe_code(code)}.", detail=f"$ {' '.join(argv)}\n{_clean(process.tail(12))}"
            )


def _clean(text: str) -> str:
    """Return text without control sequences of a terminal."""
    return _SPECIAL.sub("", text).strip()


def docker_info() -> dict[str, Any]:
    """Return the output of ``docker info``.

    Raises:
        MissingToolError: docker is not installed, or no daemon answers.
    """
    try:
        info = json.loads(query("docker", "info", "--format", "{{json .}}"))
    except MissingToolError as error:
        raise MissingToolError("docker is not installed.", hint="sudo apt-get install docker.io") from error
    except CommandError as error:
        raise _no_daemon(error.detail) from error
    # Older clients exit with 0 even if no daemon answered.
    if not isinstance(info, dict) or not info.get("ServerVersion"):
        raise _no_daemon("; ".join(info.get("ServerErrors") or ()) if isinstance(info, dict) else "")
    return info


def _no_daemon(seen: str) -> MissingToolError:
    if "permission denied" in seen:
        return MissingToolError(
            "This user may not use Docker.", hint="sudo usermod -aG docker $USER, then log in again", detail=seen
        )
    return MissingToolError("The Docker daemon is not running.", hint="sudo systemctl start docker", detail=seen)


def kind_version() -> str:
    """Return the version of kind.

    Raises:
        MissingToolError: kind is not installed.
    """
    try:
        words = query("kind", "version").split()
    except MissingToolError as error:
        raise MissingToolError("kind is not installed.", hint="sudo apt-get install kind") from error
    return words[1] if len(words) > 1 else "?"


def is_local(info: dict[str, Any]) -> bool:
    """Return True if the Docker daemon reports this kernel's release: then clock and kernel modules are the same."""
    return bool(info.get("KernelVersion") == platform.release())


def has_image(ref: str) -> bool:
    """Return True if the local Docker has an image."""
    try:
        query("docker", "image", "inspect", "--format", "{{.Id}}", ref)
    except CommandError:
        return False
    return True


def clusters() -> frozenset[str]:
    """Return the names of all kind clusters, including those of others."""
    return frozenset(query("kind", "get", "clusters").split())


def node_container(name: str) -> str:
    """Return the container id of a cluster's node; empty if there is none."""
    found = query("docker", "ps", "-aq", "--no-trunc", "--filter", f"name=^/{name}-control-plane$")
    return found.split()[0] if found else ""


def delete_cluster(name: str, kubeconfig: Path) -> None:
    """Delete a kind cluster.

    Raises:
        HarnessError: It could not be deleted; the hint has the command to do it by hand.
    """
    try:
        run(("kind", "delete", "cluster", "--name", name, "--kubeconfig", str(kubeconfig)), timeout=DELETE_SECONDS)
    except CommandError as error:
        raise HarnessError(
            f"The kind cluster {name} could not be deleted.",
            detail=error.detail,
            hint=f"kind delete cluster --name {name}",
        ) from error
