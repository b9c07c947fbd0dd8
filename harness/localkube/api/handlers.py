"""Route HTTP requests by path and method, and answer them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web

from harness.localkube.api import discovery, errors, reviews, streams
from harness.localkube.api.endpoints import DEPRECATED, EndpointsReader
from harness.localkube.api.field_notices import FieldNotices, header
from harness.localkube.api.field_validation import FieldValidation
from harness.localkube.api.log_times import LogTimes
from harness.localkube.api.logs import LogOptions, has_ended, log_file, read_log
from harness.localkube.api.registry import Registry
from harness.localkube.api.requests import RequestInfo, check_sender, is_dry, parse_body, parse_path
from harness.localkube.api.scale import scale_of
from harness.localkube.api.storage import Storage
from harness.localkube.api.views import View, encode
from harness.localkube.api.watch_stream import Selection, WatchOptions, watch
from harness.localkube.api.writes import Answer, Writes, check_options, signed
from harness.localkube.machinery.client import COMPONENT_AGENT
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import ENDPOINTS, Resource

_log = logging.getLogger(__name__)

_TRUE = frozenset({"true", "1"})
_OPENAPI = "/openapi/v3"
_AGGREGATED = "as=APIGroupDiscoveryList"


class RequestHandlers:
    """Answers every request of the API server.

    Args:
        storage: All objects.
        pod_logs: The folder of the pods' log files.
        log_times: The times of their lines.
        ingress: The ingress controller, as named in an Experiment.
    """

    def __init__(self, storage: Storage, pod_logs: Path, log_times: LogTimes, ingress: str) -> None:
        self._storage = storage
        self._registry = Registry(storage)
        self._endpoints = EndpointsReader(storage)
        self._writes = Writes(self._registry)
        self._notices = FieldNotices(self._registry, ingress)
        self._pod_logs = pod_logs
        self._log_times = log_times

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request; every error is answered by a Status."""
        try:
            check_sender(request.headers.get("Host", ""), request.headers.get("Origin", ""))
            return self._document(request) or await _computed(request) or await self._resource(request)
        except errors.StatusError as error:
            return _refused(error)
        except ConnectionError:  # The client closed the connection during the answer.
            raise
        except Exception as error:  # noqa: BLE001 - a bug here fails one request, is logged, and does not affect others
            _log.exception("%s %s failed", request.method, request.path)
            internal = errors.StatusError(500, "InternalError", f"Internal error occurred: {error!r}")
            return _json(500, internal.status)

    def _document(self, request: web.BaseRequest) -> web.Response | None:
        """Answer discovery, health and similar documents; return None for paths of resources."""
        parts = tuple(part for part in request.path.split("/") if part)
        if parts in {("healthz",), ("livez",), ("readyz",)}:
            return web.Response(text="ok")
        if parts == ("openapi", "v2"):
            return web.Response(body=discovery.OPENAPI_V2, headers={"Content-Type": discovery.OPENAPI_V2_TYPE})
        wants_all = _AGGREGATED in request.headers.get("Accept", "") and "v=v2;" in (
            request.headers.get("Accept", "").replace(" ", "") + ";"
        )
        if parts in {("api",), ("apis",)} and wants_all:
            body = discovery.aggregated(core=parts == ("api",))
            form = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
            return web.Response(body=encode(body), headers={"Content-Type": form})
        found = _DOCUMENTS[parts]() if parts in _DOCUMENTS else _described(parts, request.host)
        return None if found is None else _json(200, found)

    async def _resource(self, request: web.BaseRequest) -> web.StreamResponse:
        target = parse_path(request.path)
        if target.subresource in streams.STREAMS:
            return await streams.serve(request, self._storage, self._registry.read(target), target.subresource)
        view = View.parse(request.headers.get("Accept", ""), request.query)
        match request.method:
            case "GET" if not target.name or request.query.get("watch") in _TRUE:
                return await self._list_or_watch(request, target, view)
            case "GET" if target.subresource == "log":
                return await self._log(request, target)
            case "GET":
                return self._read(target, view)
            case "DELETE":
                return await self._delete(request, target, view)
            case _:
                return await self._write(request, target, view)

    async def _write(self, request: web.BaseRequest, target: RequestInfo, view: View) -> web.Response:
        """Answer POST, PUT and PATCH, with a warning for each field that is new and not implemented."""
        agent = request.headers.get("User-Agent", "")
        check_options(request.method, request.query)
        validation = FieldValidation.parse(request.query, trusted=agent.startswith(COMPONENT_AGENT))
        try:
            return await self._write_checked(request, target, view, validation)
        except errors.StatusError as error:
            response = _refused(error)
            for sentence in validation.said:
                response.headers.add("Warning", header(sentence))
            return response

    async def _write_checked(
        self, request: web.BaseRequest, target: RequestInfo, view: View, validation: FieldValidation
    ) -> web.Response:
        agent = request.headers.get("User-Agent", "")
        query = signed(request.query, agent)
        before = self._storage.get(target.resource, target.key) if target.name else None
        match request.method:
            case "POST":
                answer = self._writes.create(target, await _body(request), query, validation)
            case "PUT":
                answer = self._writes.update(target, await _body(request), query, validation)
            case "PATCH":
                body, kind = await _body(request), request.headers.get("Content-Type", "")
                answer = self._writes.patch(target, body, kind, query, validation)
            case _:
                raise errors.not_allowed(request.method)
        response = _answer(target, view, answer)
        if not target.subresource:
            validation.look(answer[1])
            notices = self._notices.of(before, answer[1], agent, dry_run=is_dry(request.query))
            for sentence in (*validation.said, *notices):
                response.headers.add("Warning", header(sentence))
        return response

    async def _delete(self, request: web.BaseRequest, target: RequestInfo, view: View) -> web.StreamResponse:
        body = await _body(request, default={})
        if target.name:
            return _answer(target, view, self._writes.delete(target, body, request.query))
        gone = self._writes.delete_collection(target, body, request.query)
        return _json(200, View().many(target.resource, gone, str(self._storage.version)))

    async def _list_or_watch(self, request: web.BaseRequest, target: RequestInfo, view: View) -> web.StreamResponse:
        selection = Selection.parse(target.namespace, target.name, request.query)
        if request.query.get("watch") in _TRUE:
            return await self._watch(request, target, view, selection)
        found = self._reading(target.resource).list(target.resource, target.namespace)
        objects = [each for each in found if selection.matches(each)]
        response = _json(200, view.many(target.resource, objects, str(self._storage.version)))
        return _with_warning(target, response)

    def _reading(self, resource: Resource) -> Storage | EndpointsReader:
        """Return what reads the objects of a resource."""
        return self._endpoints if resource is ENDPOINTS else self._storage

    def _read(self, target: RequestInfo, view: View) -> web.Response:
        """Answer GET of one object; raise ``StatusError`` 404 if it does not exist."""
        obj = self._reading(target.resource).get(target.resource, target.key) or self._registry.read(target)
        shown = scale_of(obj) if target.subresource == "scale" else obj
        return _with_warning(target, _answer(target, view, (200, shown)))

    async def _watch(
        self, request: web.BaseRequest, target: RequestInfo, view: View, selection: Selection
    ) -> web.StreamResponse:
        options = WatchOptions.parse(request.query)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        first = True
        async with aclosing(watch(self._reading(target.resource), target.resource, selection, options)) as events:
            async for kind, obj in events:
                await response.write(view.event(target.resource, kind, obj, first=first))
                first = False
        await response.write_eof()
        return response

    async def _log(self, request: web.BaseRequest, target: RequestInfo) -> web.StreamResponse:
        pod = self._registry.read(target)
        options = LogOptions.parse(pod, request.query)
        path = log_file(self._pod_logs, pod, options.container)
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        response.enable_chunked_encoding()
        await response.prepare(request)

        def ended() -> bool:
            return has_ended(self._storage.get(target.resource, target.key), options.container)

        async for chunk in read_log(path, options, self._log_times.of(path), ended):
            await response.write(chunk)
        await response.write_eof()
        return response


#: Documents without parameters, by the segments of their path.
_DOCUMENTS: dict[tuple[str, ...], Callable[[], Object]] = {
    ("version",): discovery.version_info,
    ("apis",): discovery.group_list,
    ("openapi", "v3"): discovery.openapi_index,
}


def _described(parts: tuple[str, ...], host: str) -> Object | None:
    match parts:
        case ("api",):
            return discovery.core_versions(host)
        case ("api", version):
            return discovery.resource_list("", version)
        case ("apis", name):
            return discovery.group(name)
        case ("apis", name, version):
            return discovery.resource_list(name, version)
    return None


async def _computed(request: web.BaseRequest) -> web.Response | None:
    """Answer what is neither stored nor constant: reviews and the fields of kinds; return None for other paths."""
    if request.method == "POST" and reviews.is_review(request.path):
        return _json(201, reviews.review(request.path, await _body(request)))
    if request.path.startswith(_OPENAPI):
        return await _described_fields(request.path.removeprefix(_OPENAPI))
    return None


async def _described_fields(root: str) -> web.Response:
    """Answer the fields of a group's kinds, in a thread: the first answer takes a second of work."""
    encoded = await asyncio.to_thread(_encoded_fields, root)
    if encoded is None:
        raise errors.unknown_path()
    return web.Response(body=encoded, headers={"Content-Type": "application/json"})


@cache
def _encoded_fields(root: str) -> bytes | None:
    from harness.localkube.api import openapi  # noqa: PLC0415 - the start of a cluster does not need its imports

    found = openapi.document(root, discovery.VERSION)
    return None if found is None else encode(found)


async def _body(request: web.BaseRequest, *, default: Any = None) -> Any:
    raw = await request.read()
    if not raw and default is not None:
        return default
    return parse_body(raw, request.headers.get("Content-Type", ""))


def _answer(target: RequestInfo, view: View, answer: Answer) -> web.Response:
    code, obj = answer
    if obj["kind"] not in {target.resource.kind, "Scale"}:
        return _json(code, obj)
    return _json(code, view.one(target.resource, obj))


def _with_warning(target: RequestInfo, response: web.Response) -> web.Response:
    """Add the warning that a server sends with each answer of a kind that is going to end."""
    if target.resource is ENDPOINTS:
        response.headers.add("Warning", header(DEPRECATED))
    return response


def _refused(error: errors.StatusError) -> web.Response:
    """Answer an error, with the time after which to try again, if it has one."""
    response = _json(error.code, error.status)
    seconds = error.status["details"].get("retryAfterSeconds")
    if seconds:
        response.headers["Retry-After"] = str(seconds)
    return response


def _json(code: int, body: Object) -> web.Response:
    return web.Response(status=code, body=encode(body), headers={"Content-Type": "application/json"})
