"""Run the actions that probes and lifecycle hooks share: exec, httpGet, tcpSocket, gRPC, sleep."""

from __future__ import annotations

import asyncio
import errno
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from urllib.parse import urljoin, urlsplit

import aiohttp

from harness.localkube.kubelet.listeners import owns_listener
from harness.localkube.kubelet.local_command import signalling_program
from harness.localkube.kubelet.models import StandInModel, port_number, ports_of, unavailable_program
from harness.localkube.kubelet.reusable import make_reusable
from harness.localkube.kubelet.runtime import Console, Process, Runtime, RuntimeFailedError
from harness.localkube.machinery.objects import Object

_PROBE_AGENT = "kube-probe/1.34"
_HOOK_AGENT = "kube-lifecycle/1.34"
#: How many redirects a probe follows.
_REDIRECTS = 10
#: ``kill 1`` is meant for the container's first process; here it would signal the machine's init process.
_KILLS_INIT = re.compile(r"\bkill\b[^;&|\n]*\s-?1(\s|$|[;&|])")


class HandlerFailedError(Exception):
    """The action failed; the message is the text of the kubelet's event."""


@dataclass(slots=True)
class RunningContainer:
    """A running container, as its probes and hooks see it.

    Attributes:
        process: Its main process.
        spec: The container's part of the pod's spec.
        address: The pod's address.
        env: Its environment, for programs executed inside.
        shell: True if its image has programs to execute.
        verified_ports: Ports whose listener is verified to belong to the container.
        model: The model of the stand-in or command that runs in place of its image, or None.
        folder: Working directory of programs executed inside; empty unless it runs a local command.
        writable: The folders in which these programs may write, if it runs a local command.
    """

    process: Process
    spec: Object
    address: str
    env: Mapping[str, str]
    shell: bool
    verified_ports: set[int]
    model: StandInModel | None = None
    folder: str = ""
    writable: tuple[str, ...] = ()

    @property
    def stand_in(self) -> StandInModel | None:
        """Return the model of the stand-in, which has none of its image's programs; None if another program runs."""
        return self.model if self.model is not None and not self.model.command else None

    def port(self, value: int | str) -> int:
        """Return the number of a port given by number or by the container's name for it."""
        number = port_number(self.spec, value)
        if number is None:
            raise HandlerFailedError(f"couldn't find port: {value}")
        return number

    def check_listener(self, port: int) -> None:
        """Raise unless the container's own process listens on the port; checked once for each port."""
        if port in self.verified_ports:
            return
        if not owns_listener(self.process.pid, self.address, port):
            raise HandlerFailedError(f"the listener at {self.address}:{port} does not belong to this container")
        self.verified_ports.add(port)


class HandlerRunner:
    """Runs the actions of probes and hooks on containers.

    Args:
        runtime: Runtime of the containers.
        session: HTTP client that opens a new connection for every request.
    """

    def __init__(self, runtime: Runtime, session: aiohttp.ClientSession) -> None:
        self._runtime = runtime
        self._session = session

    async def probe(self, probe: Object, target: RunningContainer) -> None:
        """Run the action of a probe; return if it succeeded.

        A stand-in does not have the program of an exec probe, so the check is that the stand-in listens.

        Raises:
            HandlerFailedError: The action failed, or its kind is not supported.
        """
        stand_in = target.stand_in
        if stand_in is None or "exec" not in probe:
            await self.run(probe, target)
            return
        for port in ports_of(stand_in, target.spec):
            await self._tcp_socket({"port": port}, target)

    async def run(self, handler: Object, target: RunningContainer, *, hook: bool = False) -> None:
        """Run the action of a probe or hook; return if it succeeded.

        Args:
            handler: The action.
            target: The container.
            hook: True for a hook: any HTTP answer is a success, and TCP and gRPC are not supported.

        Raises:
            HandlerFailedError: The action failed, or its kind is not supported.
        """
        if target.folder and not target.verified_ports and handler.get("exec") is None:
            # The probe's own connection must not keep the address of the pod for a minute after its end.
            make_reusable(target.process.pid)
        if handler.get("exec") is not None:
            await self._exec(handler["exec"].get("command") or [], target)
        elif handler.get("httpGet") is not None:
            await self._http_get(handler["httpGet"], target, hook=hook)
        elif handler.get("tcpSocket") is not None and not hook:
            await self._tcp_socket(handler["tcpSocket"], target)
        elif handler.get("grpc") is not None and not hook:
            await self._grpc(handler["grpc"], target)
        elif handler.get("sleep") is not None:
            await asyncio.sleep(handler["sleep"]["seconds"])
        else:
            known = "hooks are exec, httpGet or sleep" if hook else "probes are exec, httpGet, tcpSocket or grpc"
            raise HandlerFailedError(f"the local cluster does not support this action: {known}")

    async def _exec(self, command: list[str], target: RunningContainer) -> None:
        missing = unavailable_program(command) if target.stand_in is not None else ""
        if not command or not target.shell or missing:
            name = missing or (command[0] if command else "")
            raise HandlerFailedError(f'exec: "{name}": executable file not found in $PATH')
        if _KILLS_INIT.search(" ".join(command)):
            raise HandlerFailedError(
                "process 1 does not belong to the container on the local cluster, so it is not signalled"
            )
        console = None
        if target.folder:
            if name := signalling_program(command):
                raise HandlerFailedError(f"{name} is not executed: it would signal processes of this machine")
            console = Console((os.devnull,) * 3, terminal=False, folder=target.folder, writable=target.writable)
        try:
            process = await self._runtime.execute(target.process, command, target.env, console)
        except RuntimeFailedError as error:
            raise HandlerFailedError(str(error)) from error
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            # Only a probe that timed out is cancelled. An abandoned hook continues in its own task.
            self._runtime.kill(process)
            raise
        if code:
            raise HandlerFailedError(f"command '{' '.join(command)}' exited with {code}")

    async def _http_get(self, get: Object, target: RunningContainer, *, hook: bool) -> None:
        port = target.port(get["port"])
        path = get.get("path") or "/"
        scheme = str(get.get("scheme") or "HTTP").lower()
        url = f"{scheme}://{get.get('host') or target.address}:{port}{path if path.startswith('/') else '/' + path}"
        headers = {"User-Agent": _HOOK_AGENT if hook else _PROBE_AGENT, "Accept": "*/*"}
        headers |= {entry["name"]: entry["value"] for entry in get.get("httpHeaders") or []}
        try:
            status = await self._status(url, headers)
        except (aiohttp.ClientError, OSError) as error:
            host = get.get("host") or target.address
            raise HandlerFailedError(f'Get "{url}": {_in_gos_words(error, f"{host}:{port}")}') from error
        if not hook and not 200 <= status < 400:
            raise HandlerFailedError(f"HTTP probe failed with statuscode: {status}")
        if not get.get("host"):
            target.check_listener(port)

    async def _status(self, url: str, headers: Mapping[str, str]) -> int:
        """Return the status of an answer; redirects on the same host are followed, as the kubelet does.

        Raises:
            HandlerFailedError: There are more than ten redirects.
        """
        here = url
        for _ in range(_REDIRECTS + 1):
            # As in the kubelet, no certificate is checked.
            async with self._session.get(here, headers=headers, allow_redirects=False, ssl=False) as response:
                status, location = response.status, response.headers.get("Location")
            if not 300 <= status < 400 or not location:
                return status
            here = urljoin(here, location)
            if urlsplit(here).hostname != urlsplit(url).hostname:
                return status
        raise HandlerFailedError(f'Get "{url}": stopped after {_REDIRECTS} redirects')

    async def _grpc(self, grpc: Object, target: RunningContainer) -> None:
        port = int(grpc["port"])
        health = await asyncio.to_thread(import_module, "harness.localkube.kubelet.grpc_health")
        try:
            await health.check_health(target.address, port, str(grpc.get("service") or ""))
        except OSError as error:
            raise HandlerFailedError(_in_gos_words(error, f"{target.address}:{port}")) from error
        except health.UnhealthyError as error:
            raise HandlerFailedError(str(error)) from error
        target.check_listener(port)

    async def _tcp_socket(self, tcp: Object, target: RunningContainer) -> None:
        port = target.port(tcp["port"])
        host = tcp.get("host") or target.address
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError as error:
            raise HandlerFailedError(_in_gos_words(error, f"{host}:{port}")) from error
        writer.close()
        if not tcp.get("host"):
            target.check_listener(port)


def _in_gos_words(error: Exception, where: str) -> str:
    """Return why a connection failed as the kubelet, a Go program, says it."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, OSError) and cause.errno is not None and cause.errno in errno.errorcode:
        dialled = isinstance(error, aiohttp.ClientConnectorError) or not isinstance(error, aiohttp.ClientError)
        words = "dial tcp {}: connect: {}" if dialled else "read tcp {}: read: {}"
        return words.format(where, os.strerror(cause.errno).lower())
    return "EOF" if isinstance(error, aiohttp.ServerDisconnectedError) else str(error)
