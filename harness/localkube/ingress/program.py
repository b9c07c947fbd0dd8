"""Find the nginx with Lua that serves as ingress-nginx's data plane, or download it."""

from __future__ import annotations

from harness.localkube.nginx.install import find_or_fetch
from harness.localkube.system.programs import Program, Progress


def find_program(progress: Progress) -> Program:
    """Find or download nginx.

    Raises:
        MissingToolError: No working nginx was found, and none could be downloaded.
    """
    install = find_or_fetch(progress)
    return Program("nginx", install.version, str(install.binary), install)
