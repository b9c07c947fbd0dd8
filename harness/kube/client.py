"""The client for Kubernetes API servers, based on the official one, and the same for every kind of cluster.

It never retries a write: the harness must know exactly whether a change was made. Objects are plain dicts as on the
wire, so that fields unknown to the official client's models are neither lost nor refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness.kube.api import Object, Objects, Strategy, WatchEvent, strategy_of
from harness.kube.errors import (
    ConflictError,
    EvictionRefusedError,
    KubeError,
    NotFoundError,
    UnreachableError,
    error_for,
)
from harness.kube.kinds import KNOWN_KINDS, ApiKind, discovery_paths, resource_kinds
from harness.kube.logs import LogLine, follow_log
from harness.kube.scopes import write_path
from harness.kube.watching import follow
from harness.kube.wire import connect, disconnect, transport_errors

#: Timeouts in seconds for connecting, and for each part of an answer.
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 15.0

_CONTENT_TYPES: Mapping[Strategy, str] = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
}
_JSON = "application/json"
#: Reason of the cause in an answer that refuses an eviction because of a PodDisruptionBudget.
_BUDGET = "DisruptionBudget"

#: Name under which the API server records our writes in ``managedFields``.
FIELD_MANAGER = "harness"
_SIGNED = (("fieldManager", FIELD_MANAGER),)

#: Label of the namespaces that the harness creates.
MANAGED_BY: Mapping[str, str] = {"app.kubernetes.io/managed-by": "harness"}


class Kube:
    """An API server, accessed with a kubeconfig. Safe to use from several threads.

    Args:
        kubeconfig: The kubeconfig file.
        context: Name of a context in it; ``None`` for the current one.

    Raises:
        KubeconfigError: The file can't be used, or has no such context.
    """

    def __init__(self, kubeconfig: Path, context: str | None = None) -> None:
        self._client = connect(kubeconfig, context)
        #: (kind, ``apiVersion``) -> kind. The version is empty for callers that give none.
        self._kinds: dict[tuple[str, str], ApiKind] = {
            (known.kind, version): known for known in KNOWN_KINDS.values() for version in ("", known.group_version)
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close all idle connections."""
        disconnect(self._client)

    def get(self, kind: str, name: str, namespace: str) -> Object:
        """Return an object.

        Raises:
            NotFoundError: There is none of that name.
        """
        return self._json("GET", self._kind(kind).path(namespace, name), _words("get", kind, name, namespace))

    def list(self, kind: str, namespace: str, *, labels: str = "") -> Objects:
        """Return all objects of a kind that match a label selector. An empty namespace means all namespaces."""
        return self.list_with_version(kind, namespace, labels=labels)[0]

    def list_with_version(self, kind: str, namespace: str, *, labels: str = "") -> tuple[Objects, str]:
        """Return the same objects, and the resourceVersion to watch from."""
        query = [("labelSelector", labels)] if labels else []
        found = self._json("GET", self._kind(kind).path(namespace), _words("list", kind, "", namespace), query=query)
        return list(found.get("items") or ()), str(found.get("metadata", {}).get("resourceVersion", ""))

    def is_namespaced(self, manifest: Mapping[str, Any]) -> bool:
        """Return True if a manifest's kind is namespaced.

        Raises:
            NotFoundError: The API server does not serve the kind.
        """
        return self._kind_of(manifest).namespaced

    def create(self, manifest: Mapping[str, Any], namespace: str) -> Object:
        """Create an object in ``namespace``, even if the manifest names another one.

        Raises:
            ConflictError: It exists already.
            RejectedError: The server finds it invalid.
            ScopeError: A namespace is given for a cluster-scoped kind, or is missing; nothing was sent.
        """
        action = _words("create", manifest["kind"], manifest["metadata"].get("name", ""), namespace)
        path = write_path(self._kind_of(manifest), namespace, "", action)
        return self._json("POST", path, action, body=_placed(manifest, namespace))

    def apply(self, manifest: Mapping[str, Any], namespace: str) -> Object:
        """Create an object, or merge the manifest into the existing one.

        Lists are replaced, except those of a Pod; see ``strategy_of``.
        """
        try:
            return self.create(manifest, namespace)
        except ConflictError:
            kind = self._kind_of(manifest)
            name = manifest["metadata"]["name"]
            action = _words("apply", kind.kind, name, namespace)
            path = write_path(kind, namespace, name, action)
            return self._patch(path, _placed(manifest, namespace), strategy_of(kind.kind), action)

    def patch(
        self,
        kind: str,
        name: str,
        namespace: str,
        body: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        strategy: Strategy = "merge",
    ) -> Object:
        """Change an object. Return it as it is after the change.

        Raises:
            NotFoundError: There is none of that name.
            RejectedError: The server finds the patch or its result invalid, or a ``test`` of a JSON patch failed.
            ScopeError: A namespace is given for a cluster-scoped kind, or is missing; nothing was sent.
        """
        action = _words("patch", kind, name, namespace)
        return self._patch(write_path(self._kind(kind), namespace, name, action), body, strategy, action)

    def delete(self, kind: str, name: str, namespace: str, *, grace: int | None = None) -> None:
        """Request the deletion of an object.

        Args:
            kind: Its kind.
            name: Its name.
            namespace: Its namespace.
            grace: Grace period in seconds; ``None`` for the object's own.

        Raises:
            NotFoundError: There is none of that name.
            ScopeError: A namespace is given for a cluster-scoped kind, or is missing; nothing was sent.
        """
        body: Object = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
        if grace is not None:
            body["gracePeriodSeconds"] = grace
        action = _words("delete", kind, name, namespace)
        self._json("DELETE", write_path(self._kind(kind), namespace, name, action), action, body=body)

    def evict(self, pod: str, namespace: str) -> None:
        """Request the eviction of a pod.

        Raises:
            EvictionRefusedError: Its PodDisruptionBudget allows no eviction now.
            NotFoundError: There is no such pod.
        """
        action = _words("evict", "Pod", pod, namespace)
        path = f"{write_path(self._kind('Pod'), namespace, pod, action)}/eviction"
        metadata = {"name": pod, "namespace": namespace}
        self._json("POST", path, action, body={"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata})

    def server_version(self) -> str:
        """Return the API server's version: ``v1.34.4``.

        Raises:
            KubeError: It does not answer, or is no API server.
        """
        return str(self._json("GET", "/version", "ask the API server for its version").get("gitVersion", "?"))

    def create_namespace(self, name: str) -> None:
        """Create a namespace with the label of the harness."""
        metadata = {"name": name, "labels": dict(MANAGED_BY)}
        self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}, "")

    def delete_namespace(self, name: str) -> None:
        """Request the deletion of a namespace and its objects. Does nothing if it does not exist."""
        try:
            self.delete("Namespace", name, "")
        except NotFoundError:
            return

    def watch(self, kind: str, namespace: str, *, since: str, stop: Callable[[], bool]) -> Iterator[WatchEvent]:
        """Yield changes of a kind in a namespace; see ``harness.kube.api.KubeApi.watch``."""
        path = self._kind(kind).path(namespace)
        return follow(self._client, path, _words("watch", kind, "", namespace), since, stop)

    def follow_log(
        self,
        pod: str,
        namespace: str,
        container: str,
        *,
        stop: Callable[[], bool],
        since: str = "",
        stamps: bool = True,
        follow: bool = True,
    ) -> Iterator[LogLine]:
        """Yield the lines of a container's log until it ends or ``stop()``; see ``harness.kube.logs.follow_log``."""
        path = f"{self._kind('Pod').path(namespace, pod)}/log"
        action = f"read the log of {container} in pod {pod} of namespace {namespace}"
        return follow_log(
            self._client, path, action, container=container, stop=stop, since=since, stamps=stamps, follow=follow
        )

    def _kind(self, kind: str, group_version: str = "") -> ApiKind:
        known = self._kinds.get((kind, group_version))
        if known:
            return known
        paths = [_api_path(group_version)] if group_version else self._discovery()
        for path in paths:
            for found in resource_kinds(self._json("GET", path, f"look up kind {kind}")):
                if found.kind == kind:
                    return self._kinds.setdefault((kind, group_version), found)
        raise NotFoundError(f"find kind {kind}", 404, "NotFound", "the API server does not have it")

    def _kind_of(self, manifest: Mapping[str, Any]) -> ApiKind:
        return self._kind(manifest["kind"], manifest.get("apiVersion", ""))

    def _discovery(self) -> tuple[str, ...]:
        return discovery_paths(self._json("GET", "/apis", "list the API's groups"))

    def _patch(self, path: str, body: Any, strategy: Strategy, action: str) -> Object:
        return self._json("PATCH", path, action, body=body, query=_SIGNED, content_type=_CONTENT_TYPES[strategy])

    def _json(
        self,
        verb: str,
        path: str,
        action: str,
        *,
        body: Any = None,
        query: Sequence[tuple[str, str]] = (),
        content_type: str = _JSON,
    ) -> Object:
        headers = {"Accept": _JSON, "Content-Type": content_type} if body is not None else {"Accept": _JSON}
        with transport_errors(action):
            request = self._client.param_serialize(
                verb, path, query_params=list(query), header_params=headers, body=body, auth_settings=["BearerToken"]
            )
            answer = self._client.call_api(*request, _request_timeout=(CONNECT_SECONDS, ANSWER_SECONDS))
            content = answer.read()
        return read_answer(action, answer.status, content)


def read_answer(action: str, status: int, content: bytes) -> Object:
    """Return the object in an answer.

    Raises:
        KubeError: The request was refused; the subclass for the status, with the server's message.
        UnreachableError: Something answered that is not a Kubernetes API server.
    """
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        text = content[:200].decode(errors="replace")
        if status < 400:
            raise UnreachableError(action, status, "", f"not a Kubernetes answer: {text!r}")
        raise error_for(action, status, "", text)
    if status >= 400:
        raise _refusal(action, status, answer)
    return answer


def _refusal(action: str, status: int, answer: Object) -> KubeError:
    reason = str(answer.get("reason", ""))
    causes = (answer.get("details") or {}).get("causes") or ()
    budgets = [str(each.get("message", "")) for each in causes if each.get("reason") == _BUDGET]
    if status == 429 and budgets:
        return EvictionRefusedError(action, status, reason, "; ".join(budgets))
    return error_for(action, status, reason, str(answer.get("message", "")))


def _api_path(group_version: str) -> str:
    return f"/apis/{group_version}" if "/" in group_version else f"/api/{group_version}"


def _placed(manifest: Mapping[str, Any], namespace: str) -> Object:
    if not namespace:
        return dict(manifest)
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": namespace}}


def _words(verb: str, kind: str, name: str, namespace: str) -> str:
    what = f"{verb} {kind} {name}".rstrip()
    return f"{what} in namespace {namespace}" if namespace else what
