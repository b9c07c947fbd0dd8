"""What the controller says to running workers over HTTP: new endpoints, and the question who is up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict
from types import TracebackType
from typing import Literal, Self

import aiohttp

from harness.localkube.ingress.model import Backend

_TIMEOUT = aiohttp.ClientTimeout(total=2)
_TRIES = 20
_BETWEEN_TRIES = 0.05
_BETWEEN_LOOKS = 0.005

#: ``up``: serves; ``leaving``: accepts no more and has closed its idle connections.
WorkerState = Literal["up", "leaving"]


class NginxAdmin:
    """The admin server inside nginx (async context manager). One connection per request: a reload closes idle ones.

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
        """Give the workers their endpoints; each applies them on its own timer.

        Raises:
            aiohttp.ClientError: nginx did not take them, tried for a second.
            TimeoutError: It did not answer.
        """
        body = json.dumps({name: _told(backend) for name, backend in backends.items()}, sort_keys=True)
        for attempt in range(_TRIES):
            try:
                await self._request("POST", "/backends", body)
            except (aiohttp.ClientError, TimeoutError):
                # Posting the same twice changes nothing, so trying again is safe.
                if attempt == _TRIES - 1:
                    raise
                await asyncio.sleep(_BETWEEN_TRIES)
            else:
                return

    async def workers(self, state: WorkerState, generation: int, count: int) -> None:
        """Wait until so many workers of a generation have come into a state."""
        while True:
            try:
                if int(await self._request("GET", f"/workers?state={state}&generation={generation}")) >= count:
                    return
            except (aiohttp.ClientError, TimeoutError):
                pass  # Not listening yet.
            await asyncio.sleep(_BETWEEN_LOOKS)

    async def _request(self, method: str, path: str, body: str | None = None) -> str:
        if self._session is None:
            raise RuntimeError("NginxAdmin is used outside its context")
        async with self._session.request(method, self._url + path, data=body, raise_for_status=True) as response:
            return await response.text()


def _told(backend: Backend) -> dict[str, object]:
    """A backend as Lua reads it: what it has not is not there, since JSON's null is a value to Lua."""
    return {name: value for name, value in asdict(backend).items() if value is not None}
