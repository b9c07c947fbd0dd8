"""Traefik as a child process: told everything on its command line, and gone for certain at the end.

It writes its log and its access log to files by itself. A pipe would be read too late on a busy machine, and once it is
full, Traefik stands still: the instrument would make the outage that it is to find.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from harness.errors import BringUpError
from harness.kit.files import open_log, tail
from harness.kit.guardian import MARK
from harness.localkube.system.programs import TRAEFIK
from harness.localkube.traefik.install import TraefikInstall

LOG = "traefik.log"
ACCESS_LOG = TRAEFIK.access_log

#: The certificate that it would show; see there.
CERTIFICATE = Path(__file__).with_name("certificate.yaml")

#: What is passed on of our own environment: a variable such as TRAEFIK_LOG_LEVEL would be a setting beside ours.
_PASSED_ON = ("PATH", "HOME", "TMPDIR", "TZ", MARK)


def traefik_argv(binary: Path, providers: Iterable[str], entry: tuple[str, int], api_url: str, logs: Path) -> list[str]:
    """The command line: Traefik's own defaults but for addresses, logs, and what it would send to its makers.

    Args:
        binary: The program.
        providers: What it reads, by Traefik's names.
        entry: Address and port that take traffic.
        api_url: The API server.
        logs: The folder of its two logs.
    """
    options = {
        "global.checknewversion": "false",
        "global.sendanonymoususage": "false",
        "entrypoints.web.address": f"{entry[0]}:{entry[1]}",
        # Below this level it doesn't say when it takes a configuration over.
        "log.level": "DEBUG",
        "log.format": "json",
        "log.filepath": str(logs / LOG),
        "providers.file.filename": str(CERTIFICATE),
        "providers.file.watch": "false",
        "accesslog": "true",
        "accesslog.format": "json",
        "accesslog.filepath": str(logs / ACCESS_LOG),
        "accesslog.fields.headers.names.X-Request-Id": "keep",
    }
    for provider in providers:
        options |= {f"providers.{provider}": "true", f"providers.{provider}.endpoint": api_url}
    return [str(binary), *(f"--{name}={value}" for name, value in options.items())]


class TraefikProcess:
    """One Traefik.

    Args:
        install: The program.
        providers: What it reads, by Traefik's names.
    """

    def __init__(self, install: TraefikInstall, providers: Iterable[str]) -> None:
        self._install = install
        self._providers = tuple(providers)
        self._process: asyncio.subprocess.Process | None = None
        self._output = Path()

    async def start(self, address: str, port: int, api_url: str, directory: Path) -> None:
        """Start it; it takes traffic a moment later.

        Args:
            address: IP address of its entry point.
            port: Port of its entry point.
            api_url: ``http://address:port`` of the API server.
            directory: The folder of its logs; exists.
        """
        argv = traefik_argv(self._install.binary, self._providers, (address, port), api_url, directory)
        self._output = directory / "traefik-output.log"
        with open_log(self._output) as output:
            # A session of its own: what is typed at a terminal is the harness's to pass on.
            self._process = await asyncio.create_subprocess_exec(
                *argv,
                env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                cwd=directory,
            )

    async def wait(self) -> int:
        """Wait for its end, by itself or not; its exit code, negative for a signal."""
        return await self._running.wait()

    async def stop(self, grace: float) -> int:
        """End it: SIGTERM, and SIGKILL after ``grace`` seconds (0: at once); its exit code."""
        process = self._running
        # A second cancellation may cut the wait short, never the end.
        try:
            if grace > 0:
                with suppress(ProcessLookupError):
                    process.send_signal(signal.SIGTERM)
                with suppress(TimeoutError):
                    return await asyncio.wait_for(process.wait(), grace)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
        return await process.wait()

    def failure(self, code: int) -> BringUpError:
        """An error about its end, with the end of what it said."""
        said = "\n".join(filter(None, (tail(self._output), tail(self._output.with_name(LOG)))))
        return BringUpError(f"Traefik ended by itself with code {code}.", detail=said)

    @property
    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError("Traefik was not started")
        return self._process
