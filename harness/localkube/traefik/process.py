"""Run Traefik as a child process, configured only by its command line.

It writes its log and its access log directly to files. A pipe would be read too late on a busy machine, and Traefik
blocks once a pipe is full: the harness would cause the outage that it measures.
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

#: Traefik's default certificate; the file explains why it is needed.
CERTIFICATE = Path(__file__).with_name("certificate.yaml")

#: Environment variables to pass on. Others, such as TRAEFIK_LOG_LEVEL, would change Traefik's configuration.
_PASSED_ON = ("PATH", "HOME", "TMPDIR", "TZ", MARK)


def traefik_argv(binary: Path, providers: Iterable[str], entry: tuple[str, int], api_url: str, logs: Path) -> list[str]:
    """Build the command line: Traefik's defaults, except for addresses, logs and telemetry.

    Args:
        binary: Path of the program.
        providers: Providers, by Traefik's names.
        entry: Address and port for traffic.
        api_url: URL of the API server.
        logs: The folder of its two logs.
    """
    options = {
        "global.checknewversion": "false",
        "global.sendanonymoususage": "false",
        "entrypoints.web.address": f"{entry[0]}:{entry[1]}",
        # Only at this level does Traefik log that it uses a new configuration.
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
    """A Traefik process.

    Args:
        install: The installed program.
        providers: Providers, by Traefik's names.
    """

    def __init__(self, install: TraefikInstall, providers: Iterable[str]) -> None:
        self._install = install
        self._providers = tuple(providers)
        self._process: asyncio.subprocess.Process | None = None
        self._output = Path()

    async def start(self, address: str, port: int, api_url: str, directory: Path) -> None:
        """Start Traefik; it accepts traffic a moment later.

        Args:
            address: IP address of its entry point.
            port: Port of its entry point.
            api_url: ``http://address:port`` of the API server.
            directory: Existing folder for its logs.
        """
        argv = traefik_argv(self._install.binary, self._providers, (address, port), api_url, directory)
        self._output = directory / "traefik-output.log"
        with open_log(self._output) as output:
            # A separate session, so that Ctrl-C in the terminal reaches only the harness.
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
        """Wait for the end of Traefik for any reason; return its exit code, negative for a signal."""
        return await self._running.wait()

    async def stop(self, grace: float) -> int:
        """Send SIGTERM, then SIGKILL after ``grace`` seconds (0: at once); return the exit code."""
        process = self._running
        # A second cancellation may end the wait early, but never skips the kill.
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
        """Return an error about its end, with the end of its output."""
        output = "\n".join(filter(None, (tail(self._output), tail(self._output.with_name(LOG)))))
        return BringUpError(f"Traefik ended by itself with code {code}.", detail=output)

    @property
    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError("Traefik was not started")
        return self._process
