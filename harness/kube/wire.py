"""Sets up the official client without silent retries, and converts its exceptions.

The client is imported only when it is used, because the import takes a third of a second.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from harness.kube.credentials import (
    CredentialError,
    captured_faults,
    impersonation,
    is_loopback,
    require_credentials,
    strip_token,
)
from harness.kube.errors import KubeconfigError, UnreachableError

#: Connections that the client keeps for reuse: the main thread's, one per watch, and one per followed log.
POOL = 64


def connect(kubeconfig: Path, context: str | None) -> Any:
    """Return a ``kubernetes.client.ApiClient`` for a context. It retries only reads, and only after a broken answer.

    Raises:
        KubeconfigError: The file can't be used, or has no such context.
    """
    from kubernetes import client, config  # noqa: PLC0415 -- costs a third of a second, so only when needed
    from urllib3.util.retry import Retry  # noqa: PLC0415 -- comes with it

    settings = client.Configuration()
    try:
        chosen = _chosen(kubeconfig, context)
        with captured_faults() as faults:
            config.load_kube_config(str(kubeconfig), context=context, client_configuration=settings)
        user = chosen["user"]
        require_credentials(user, settings, faults)
        strip_token(settings)
        if is_loopback(settings.host) and not chosen["cluster"].get("proxy-url"):
            settings.proxy = None
        settings.retries = Retry(total=2, connect=0, read=2, redirect=0, status=0, other=0, allowed_methods={"GET"})
        settings.connection_pool_maxsize = POOL
        api = client.ApiClient(settings)
        for name, value in impersonation(user).items():
            api.set_default_header(name, value)
    except (
        config.ConfigException, CredentialError, yaml.YAMLError, OSError, ValueError, LookupError, TypeError,
        AttributeError,
    ) as error:  # fmt: skip
        wanted = f"context {context} of " if context else ""
        raise KubeconfigError(
            f"Can't use {wanted}the kubeconfig {kubeconfig}: {error}",
            hint="List the contexts with: kubectl config get-contexts",
        ) from error
    return api


def _chosen(kubeconfig: Path, context: str | None) -> Mapping[str, Mapping[str, Any]]:
    """Return the fields of the cluster and the user of a context."""
    content = yaml.safe_load(kubeconfig.read_text(encoding="utf-8")) or {}
    name = context or content.get("current-context")
    found = _named(content, "contexts", "context", name)
    return {
        "cluster": _named(content, "clusters", "cluster", found.get("cluster")),
        "user": _named(content, "users", "user", found.get("user")),
    }


def _named(content: Mapping[str, Any], section: str, word: str, name: Any) -> Mapping[str, Any]:
    for entry in content.get(section) or ():
        if entry.get("name") == name:
            fields: Mapping[str, Any] = entry.get(word) or {}
            return fields
    return {}


def disconnect(client: Any) -> None:
    """Close a client's idle connections now. Otherwise urllib3 leaves that to the garbage collector."""
    pools = client.rest_client.pool_manager.pools
    for key in pools.keys():  # noqa: SIM118 -- urllib3's container can't be iterated
        pool = pools.get(key)
        if pool is not None:
            pool.close()
    client.close()


@contextlib.contextmanager
def transport_errors(action: str) -> Iterator[None]:
    """Convert exceptions of the HTTP library into ``UnreachableError``.

    Raises:
        UnreachableError: The connection was refused, timed out or broke, or the certificate is invalid.
    """
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 -- as above

    try:
        yield
    except (HTTPError, OSError) as error:
        raise UnreachableError(
            action, 0, "no answer", _root(error), hint="Is the cluster up? Try: kubectl get --raw /readyz"
        ) from error


def _root(error: BaseException) -> str:
    """Return the innermost reason; the outer ones repeat the URL."""
    reason = getattr(error, "reason", None)
    return _root(reason) if isinstance(reason, BaseException) else str(error)
