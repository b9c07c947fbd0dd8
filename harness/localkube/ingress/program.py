"""The program that plays ingress-nginx's data plane: nginx with Lua, found on this machine or fetched."""

from __future__ import annotations

from harness.localkube.nginx.install import find_or_fetch
from harness.localkube.system.programs import Program, Progress


def find_program(progress: Progress) -> Program:
    """Find or fetch nginx.

    Raises:
        MissingToolError: There is none that works, and none can be fetched.
    """
    install = find_or_fetch(progress)
    return Program("nginx", install.version, str(install.binary), install)
