"""Find the Traefik of this Python environment for the table of ingress programs."""

from __future__ import annotations

from harness.localkube.system.programs import Program, Progress
from harness.localkube.traefik.install import find_traefik


def find_program(progress: Progress) -> Program:
    """Find Traefik; nothing is downloaded.

    Raises:
        MissingToolError: Traefik is missing.
    """
    del progress
    install = find_traefik()
    return Program("Traefik", install.version, str(install.binary))
