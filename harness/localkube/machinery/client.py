"""Access the Kubernetes API from the cluster's own components: asyncio, plain JSON, no cache."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Literal, Self

import aiohttp

from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import Resource

Strategy = Literal["merge", "strategic", "json"]
EventType = Literal["ADDED", "MODIFIED", "DELETED"]

_CONTENT_TYPES: Mapping[Strategy, str] = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
}
_REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=30)
_WATCH_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5)
#: Bytes. A watch event is one line, and an object may be as large as etcd allows.
_LONGEST_LINE = 4 * 1024 * 1024


class ApiError(Exception):
    """The API server rejected a request.

    Attributes:
        status: HTTP status code.
        reason: Machine-readable reason of the Status object, such as ``NotFound``.
        message: Message of the Status object.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{reason} ({status}): {message}")
        self.status = status
        self.reason = reason
        self.message = message


class NotFound(ApiError):  # noqa: N818 - the reasons are the API's own names
    """The object does not exist."""


class Conflict(ApiError):  # noqa: N818 - as above
    """The object was changed since it was read."""


class AlreadyExists(ApiError):  # noqa: N818 - as above
    """An object of this name exists already."""


class Gone(ApiError):  # noqa: N818 - as above
    """The resourceVersion is too old to watch from; the caller must list again."""


_BY_REASON: Mapping[str, type[ApiError]] = {
    "NotFound": NotFound,
    "Conflict": Conflict,
    "AlreadyExists": AlreadyExists,
    "Expired": Gone,
    "Gone": Gone,
}


def error_from(status: Mapping[str, Any], code: int) -> ApiError:
    """Return the exception for a ``Status`` object."""
    reason = status.get("reason") or "Unknown"
    return _BY_REASON.get(reason, ApiError)(status.get("code", code), reason, status.get("message", ""))


#: Prefix of the user agents of the cluster's own components.
COMPONENT_AGENT = "harness-"


class ApiClient:
    """An asyncio client of the API server; use it as a context manager.

    Every method raises ``ApiError`` or one of its subclasses.

    Args:
        base_url: ``http://address:port`` of the API server.
        user_agent: Name of the caller, for the server's log.
    """

    def __init__(self, base_url: str, user_agent: str) -> None:
        self.base_url = base_url.rstrip("/")
        self._user_agent = user_agent
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, use_dns_cache=False),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": self._user_agent, "Accept": "application/json"},
            read_bufsize=_LONGEST_LINE,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    def _request(self, method: str, path: str, **options: Any) -> Any:
        if self._session is None:
            raise RuntimeError("ApiClient is used outside its context")
        return self._session.request(method, self.base_url + path, **options)

    async def _call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        content_type: str = "application/json",
        params: Mapping[str, str] | None = None,
    ) -> Object:
        data = None if body is None else json.dumps(body)
        headers = {} if body is None else {"Content-Type": content_type}
        async with self._request(
            method, path, data=data, headers=headers, params=params, timeout=_REQUEST_TIMEOUT
        ) as response:
            answer: Object = json.loads(await response.read())
            if response.status >= 400:
                raise error_from(answer, response.status)
            return answer

    async def get(self, res: Resource, name: str, ns: str | None = None) -> Object:
        """Return one object."""
        return await self._call("GET", res.path(name, ns))

    async def list(
        self, res: Resource, ns: str | None = None, labels: str = "", fields: str = ""
    ) -> tuple[list[Object], str]:
        """Return the objects that match, and the resourceVersion to watch from.

        Without ``ns`` it lists all namespaces.
        """
        params = {name: text for name, text in (("labelSelector", labels), ("fieldSelector", fields)) if text}
        answer = await self._call("GET", res.collection(ns), params=params)
        typed = {"apiVersion": res.api_version, "kind": res.kind}
        return [typed | item for item in answer["items"]], answer["metadata"]["resourceVersion"]

    async def create(self, res: Resource, obj: Object, ns: str | None = None) -> Object:
        """Create an object and return it as stored; ``obj`` may omit ``apiVersion`` and ``kind``."""
        namespace = ns or obj["metadata"].get("namespace")
        typed = {"apiVersion": res.api_version, "kind": res.kind} | obj
        return await self._call("POST", res.collection(namespace), body=typed)

    async def update(self, res: Resource, obj: Object, *, subresource: str = "") -> Object:
        """Replace an object; raise ``Conflict`` if its resourceVersion is not the current one."""
        metadata = obj["metadata"]
        path = res.path(metadata["name"], metadata.get("namespace"), subresource)
        return await self._call("PUT", path, body=obj)

    async def update_status(self, res: Resource, obj: Object) -> Object:
        """Replace only an object's status."""
        return await self.update(res, obj, subresource="status")

    async def patch(
        self,
        res: Resource,
        name: str,
        ns: str | None,
        body: Any,
        *,
        strategy: Strategy = "merge",
        subresource: str = "",
    ) -> Object:
        """Patch an object or one of its subresources."""
        return await self._call(
            "PATCH", res.path(name, ns, subresource), body=body, content_type=_CONTENT_TYPES[strategy]
        )

    async def delete(
        self,
        res: Resource,
        name: str,
        ns: str | None = None,
        *,
        grace: int | None = None,
        uid: str | None = None,
        propagation: str | None = None,
    ) -> None:
        """Delete an object; with ``uid``, raise ``Conflict`` if the name now belongs to another object."""
        options = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "gracePeriodSeconds": grace,
            "preconditions": None if uid is None else {"uid": uid},
            "propagationPolicy": propagation,
        }
        body = {key: value for key, value in options.items() if value is not None}
        await self._call("DELETE", res.path(name, ns), body=body)

    async def watch(
        self, res: Resource, version: str, ns: str | None = None, *, labels: str = "", fields: str = ""
    ) -> AsyncIterator[tuple[EventType, Object]]:
        """Yield changes after a resourceVersion as they happen, until the server ends the watch.

        Raises:
            Gone: The version is too old.
        """
        params = {"watch": "true", "resourceVersion": version, "labelSelector": labels, "fieldSelector": fields}
        async with self._request("GET", res.collection(ns), params=params, timeout=_WATCH_TIMEOUT) as response:
            if response.status >= 400:
                raise error_from(json.loads(await response.read()), response.status)
            async for line in response.content:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise error_from(event["object"], 500)
                if event["type"] != "BOOKMARK":
                    yield event["type"], event["object"]
