"""Images for a kind cluster: had before anything else is made, since that takes longest and fails most."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.clusters.base import Progress
from harness.clusters.kind import tools
from harness.clusters.kind.settings import KindSettings, config_folder
from harness.errors import HarnessError

#: Longest times in seconds, on a slow machine.
PULL_SECONDS = 600.0
BUILD_SECONDS = 600.0
LOAD_SECONDS = 300.0
#: Images of our own, in no registry, each with its Dockerfile in ``kind-config``.
OWN: Mapping[str, str] = {"harness/slow-echo:1": "apps/slow-echo/Dockerfile"}


def get_images(settings: KindSettings, logs: Path, progress: Progress) -> None:
    """What is not in the local Docker is built where it is ours, else pulled.

    Raises:
        HarnessError: An image can't be had.
    """
    for ref in settings.needed:
        if tools.has_image(ref):
            continue
        if ref in OWN:
            _build(ref, logs, progress)
        else:
            _pull(ref, logs, progress)


def load_images(settings: KindSettings, logs: Path) -> None:
    """Put them into a cluster that is up.

    Raises:
        HarnessError: The node does not take them.
    """
    if settings.needed:
        tools.work(
            "kind", "load", "docker-image", "--name", settings.name, *settings.needed,
            name="kind load", log=logs / "load.log", timeout=LOAD_SECONDS,
        )  # fmt: skip


def _pull(ref: str, logs: Path, progress: Progress) -> None:
    progress(f"pulling {ref}")
    try:
        tools.work("docker", "pull", ref, name="docker pull", log=logs / "pull.log", timeout=PULL_SECONDS)
    except HarnessError as error:
        raise HarnessError(
            f"The image {ref} is not in the local Docker and can't be pulled.",
            detail=error.detail,
            hint=f"Pull or build it, or name another one: --image {ref}=OTHER",
        ) from error


def _build(ref: str, logs: Path, progress: Progress) -> None:
    progress(f"building {ref}")
    dockerfile = config_folder() / OWN[ref]
    try:
        tools.work(
            "docker", "build", "--tag", ref, "--file", str(dockerfile), str(config_folder().parent),
            name="docker build", log=logs / "build.log", timeout=BUILD_SECONDS,
        )  # fmt: skip
    except HarnessError as error:
        raise HarnessError(
            f"The image {ref} can't be built from {dockerfile}.",
            detail=error.detail,
            hint=f"Its base image must be there or be pulled; or name another image: --image {ref}=OTHER",
        ) from error
