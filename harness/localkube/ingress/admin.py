"""Send endpoints and certificates to the running nginx workers over HTTP, and ask for their states."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from types import TracebackType
from typing import Literal, Self

import aiohttp

from harness.localkube.ingress.model import Backend

_TIMEOUT = aiohttp.ClientTimeout(total=2)
_ATTEMPTS = 20
_RETRY_SECONDS = 0.05
_POLL_SECONDS = 0.005

#: ``up``: the worker serves. ``leaving``: it accepts no connections and has closed its idle ones.
WorkerState = Literal["up", "leaving"]


class NginxAdmin:
    """A client of the admin server inside nginx; use it as an async context manager.

    It opens a connection for each request, because a reload closes idle ones.

    Args:
        address: IP address.
        port: Port.
    """

    def __init__(self, address: str, port: int) -> None:
        self._url = f"http://{address}:{port}/configuration"
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(force_close=True, use_dns_cache=False)
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar()
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def post_backends(self, backends: Mapping[str, Backend]) -> None:
        """Send the workers their endpoints; each worker applies them on its own timer.

        Raises:
            aiohttp.ClientError: nginx rejected them for a second.
            TimeoutError: nginx did not answer.
        """
        await self._post(
            "/backends", json.dumps({name: _to_lua(backend) for name, backend in backends.items()}, sort_keys=True)
        )

    async def post_certificates(self, hosts: Iterable[str], certificates: Mapping[str, str], default: str) -> None:
        """Send the workers the certificates of hosts; they use them at once.

        Args:
            hosts: All hosts that nginx serves.
            certificates: Certificate and key of each host with TLS; empty for the default one.
            default: The default certificate with its key.

        Raises:
            aiohttp.ClientError: nginx rejected them for a second.
            TimeoutError: nginx did not answer.
        """
        pems = {host: pem or default for host, pem in certificates.items()}
        servers = dict.fromkeys(hosts, "") | {host: _identifier(pem) for host, pem in pems.items()}
        body = {"servers": servers, "certificates": {_identifier(pem): pem for pem in pems.values()}}
        await self._post("/servers", json.dumps(body, sort_keys=True))

    async def _post(self, path: str, body: str) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                await self._request("POST", path, body)
            except (aiohttp.ClientError, TimeoutError):
                # A second post of the same text has no effect, so a retry is safe.
                if attempt == _ATTEMPTS - 1:
                    raise
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    async def workers(self, state: WorkerState, generation: int, count: int) -> None:
        """Wait until ``count`` workers of a generation have reached a state."""
        while True:
            try:
                if int(await self._request("GET", f"/workers?state={state}&generation={generation}")) >= count:
                    return
            except (aiohttp.ClientError, TimeoutError):
                pass  # nginx does not listen yet.
            await asyncio.sleep(_POLL_SECONDS)

    async def _request(self, method: str, path: str, body: str | None = None) -> str:
        if self._session is None:
            raise RuntimeError("NginxAdmin is used outside its context")
        async with self._session.request(method, self._url + path, data=body, raise_for_status=True) as response:
            return await response.text()


def _identifier(pem: str) -> str:
    return hashlib.sha256(pem.encode()).hexdigest()


def _to_lua(backend: Backend) -> dict[str, object]:
    """Convert a backend for Lua; omit absent values, because Lua reads JSON's null as a value."""
    return {name: value for name, value in asdict(backend).items() if value is not None}
