"""Gets and loads the images of a kind cluster. This comes first, because it takes longest and fails most often."""

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

#: Timeouts in seconds, long enough for a slow machine.
PULL_SECONDS = 600.0
BUILD_SECONDS = 600.0
LOAD_SECONDS = 300.0
#: Images of this project, which are in no registry -> Dockerfile in ``kind-config``.
OWN: Mapping[str, str] = {
    "harness/echo:1": "apps/echo/Dockerfile",
    "harness/slow-echo:1": "apps/slow-echo/Dockerfile",
}
#: Files and folders of the package that these Dockerfiles copy.
BUILT_FROM = ("__init__.py", "localkube/__init__.py", "localkube/apps")


def get_images(settings: KindSettings, logs: Path, progress: Progress) -> None:
    """Build or pull every image that the local Docker does not have.

    Raises:
        HarnessError: An image can't be built or pulled.
    """
    for ref in settings.needed:
        if tools.has_image(ref):
            continue
        if ref in OWN:
            _build(ref, logs, progress)
        else:
            _pull(ref, logs, progress)


def load_images(settings: KindSettings, logs: Path) -> None:
    """Load the images into a running cluster.

    Raises:
        HarnessError: The node does not accept them.
    """
    if settings.needed:
        tools.run_long(
            "kind", "load", "docker-image", "--name", settings.name, *settings.needed,
            name="kind load", log=logs / "load.log", timeout=LOAD_SECONDS,
        )  # fmt: skip


def _pull(ref: str, logs: Path, progress: Progress) -> None:
    progress(f"pulling {ref}")
    try:
        tools.run_long("docker", "pull", ref, name="docker pull", log=logs / "pull.log", timeout=PULL_SECONDS)
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
            tools.run_long(
                "docker", "build", "--tag", ref, "--file", str(dockerfile), str(context),
                name="docker build", log=logs / "build.log", timeout=BUILD_SECONDS,
            )  # fmt: skip
    except HarnessError as error:
        raise HarnessError(
            f"The image {ref} can't be built from {dockerfile}.",
            detail=error.detail,
            hint=f"Its base image must be in Docker or pullable. Or name another image: --image {ref}=OTHER",
        ) from error


@contextmanager
def _build_context() -> Iterator[Path]:
    """Yield a folder with copies of the package files that the Dockerfiles use.

    In an installed wheel, the package's parent folder has all other packages too, and Docker would read all of them.
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
