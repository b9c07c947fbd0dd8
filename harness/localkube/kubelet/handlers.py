"""The actions that probes and lifecycle hooks have in common: exec, httpGet, tcpSocket, sleep."""

from __future__ import annotations

import asyncio
import errno
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import aiohttp

from harness.localkube.kubelet.listeners import owns_listener
from harness.localkube.kubelet.runtime import Process, Runtime, RuntimeFailedError
from harness.localkube.machinery.objects import Object

_PROBE_AGENT = "kube-probe/1.34"
#: How many redirects a probe follows.
_REDIRECTS = 10
_HOOK_AGENT = "kube-lifecycle/1.34"
#: ``kill 1`` means the container's first process; here it would be the machine's.
_KILLS_INIT = re.compile(r"\bkill\b[^;&|\n]*\s-?1(\s|$|[;&|])")


class HandlerFailedError(Exception):
    """The action did not succeed; the message is what the kubelet's event says."""


@dataclass(slots=True)
class Target:
    """A running container, as its probes and hooks see it.

    Attributes:
        process: Its main process.
        spec: The container's part of the pod's spec.
        address: The pod's address.
        env: Its environment, for what is executed inside.
        shell: Whether its image has programs to execute.
        owned_ports: Ports whose listener was seen to be the container's own.
    """

    process: Process
    spec: Object
    address: str
    env: Mapping[str, str]
    shell: bool
    owned_ports: set[int]

    def port(self, value: int | str) -> int:
        """A port by number or by the name that the container gives it."""
        if isinstance(value, int) or value.isdigit():
            return int(value)
        for entry in self.spec.get("ports") or []:
            if entry.get("name") == value:
                return int(entry["containerPort"])
        raise HandlerFailedError(f"couldn't find port: {value}")

    def check_listener(self, port: int) -> None:
        """Raise unless the container's own process listens there; looked at once per port."""
        if port in self.owned_ports:
            return
        if not owns_listener(self.process.pid, self.address, port):
            raise HandlerFailedError(f"what answers at {self.address}:{port} is not this container")
        self.owned_ports.add(port)


class Handlers:
    """Performs actions on containers.

    Args:
        runtime: Where containers run.
        session: HTTP client that opens a connection for every request.
    """

    def __init__(self, runtime: Runtime, session: aiohttp.ClientSession) -> None:
        self._runtime = runtime
        self._session = session

    async def act(self, handler: Object, target: Target, *, hook: bool = False) -> None:
        """Perform the action of a probe or hook; returns when it succeeded.

        Args:
            handler: The action.
            target: The container.
            hook: It is a hook: any HTTP answer is a success, and a TCP connection is not known.

        Raises:
            HandlerFailedError: It did not succeed, or is of a kind that is not known here.
        """
        if handler.get("exec") is not None:
            await self._exec(handler["exec"].get("command") or [], target)
        elif handler.get("httpGet") is not None:
            await self._http_get(handler["httpGet"], target, hook=hook)
        elif handler.get("tcpSocket") is not None and not hook:
            await self._tcp_socket(handler["tcpSocket"], target)
        elif handler.get("sleep") is not None:
            await asyncio.sleep(handler["sleep"]["seconds"])
        else:
            raise HandlerFailedError("the local cluster knows exec, httpGet, tcpSocket and sleep")

    async def _exec(self, command: list[str], target: Target) -> None:
        if not command or not target.shell:
            name = command[0] if command else ""
            raise HandlerFailedError(f'exec: "{name}": executable file not found in $PATH')
        if _KILLS_INIT.search(" ".join(command)):
            raise HandlerFailedError("process 1 is not the container's on the local cluster, so it is not signalled")
        try:
            process = await self._runtime.execute(target.process, command, target.env)
        except RuntimeFailedError as error:
            raise HandlerFailedError(str(error)) from error
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            # A probe that timed out; a hook that is abandoned runs in a task of its own and is never cancelled.
            self._runtime.kill(process)
            raise
        if code:
            raise HandlerFailedError(f"command '{' '.join(command)}' exited with {code}")

    async def _http_get(self, get: Object, target: Target, *, hook: bool) -> None:
        if get.get("scheme", "HTTP") != "HTTP":
            raise HandlerFailedError("the local cluster's probes speak HTTP only")
        port = target.port(get["port"])
        path = get.get("path") or "/"
        url = f"http://{get.get('host') or target.address}:{port}{path if path.startswith('/') else '/' + path}"
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
            HandlerFailedError: There are more than ten.
        """
        here = url
        for _ in range(_REDIRECTS + 1):
            async with self._session.get(here, headers=headers, allow_redirects=False) as response:
                status, location = response.status, response.headers.get("Location")
            if not 300 <= status < 400 or not location:
                return status
            here = urljoin(here, location)
            if urlsplit(here).hostname != urlsplit(url).hostname:
                return status
        raise HandlerFailedError(f'Get "{url}": stopped after {_REDIRECTS} redirects')

    async def _tcp_socket(self, tcp: Object, target: Target) -> None:
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
