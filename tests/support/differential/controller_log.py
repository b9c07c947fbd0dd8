"""Follow the log of ingress-nginx, whose lines tell each sync, and whether nginx was reloaded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from differential.api_answers import Api

_PODS = "/api/v1/namespaces/ingress-nginx/pods"
_POLL_SECONDS = 0.2
#: Text in a line of the controller's log -> what it tells. A sync ends with one of the last two.
_SAID = {
    "Backend successfully reloaded": "reload",
    "Dynamic reconfiguration succeeded": "sync",
    "No configuration change detected": "sync",
}


def said_by(line: str) -> str:
    """Return what a line of the controller's log tells: ``reload``, ``sync``, or nothing."""
    if line[:1] not in {"I", "W", "E"}:
        return ""
    return next((word for text, word in _SAID.items() if text in line), "")


class SyncListener:
    """The log of the controller's pod.

    Args:
        api: The cluster.
        hear: Called with what each line tells.
        labels: Further labels of the pod.
    """

    def __init__(self, api: Api, hear: Callable[[str], None], labels: Mapping[str, str]) -> None:
        self._api = api
        self._hear = hear
        self._labels = {"app.kubernetes.io/component": "controller", **labels}

    async def follow(self) -> None:
        """Follow the log until cancelled, from the time at which there is one."""
        options = {"follow": "true", "container": "controller", "tailLines": "0"}
        while True:
            if path := await self._path():
                async with self._api.session.get(self._api.url + path, params=options) as response:
                    async for line in response.content:
                        if response.status == 200 and (said := said_by(line.decode(errors="replace"))):
                            self._hear(said)
            await asyncio.sleep(_POLL_SECONDS)

    async def _path(self) -> str:
        """Return the path of the log of the controller's pod; empty while there is none."""
        selector = ",".join(f"{name}={value}" for name, value in self._labels.items())
        code, _, found = await self._api.send("GET", _PODS, query={"labelSelector": selector})
        names = [pod["metadata"]["name"] for pod in found["items"]] if code == 200 else []
        return f"{_PODS}/{names[0]}/log" if names else ""
