"""Images for a kind cluster: had before anything else is made, since that takes longest and fails most."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
#: Files and folders of the package that these Dockerfiles copy.
BUILT_FROM = ("__init__.py", "localkube/__init__.py", "localkube/apps")


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
        with _build_context() as context:
            tools.work(
                "docker", "build", "--tag", ref, "--file", str(dockerfile), str(context),
                name="docker build", log=logs / "build.log", timeout=BUILD_SECONDS,
            )  # fmt: skip
    except HarnessError as error:
        raise HarnessError(
            f"The image {ref} can't be built from {dockerfile}.",
            detail=error.detail,
            hint=f"Its base image must be there or be pulled; or name another image: --image {ref}=OTHER",
        ) from error


@contextmanager
def _build_context() -> Iterator[Path]:
    """Copy the package files that the Dockerfiles name into a folder of their own.

    In an installed wheel the package lies among all other packages: Docker would be sent every one of them.
    """
    package = Path(__file__).parents[2]
    with tempfile.TemporaryDirectory(prefix="harness-image-") as folder:
        for name in BUILT_FROM:
            source, target = package / name, Path(folder, package.name, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, target)
        yield Path(folder)
