"""Reads credentials as kubectl does, where the official client differs.

The official client continues without credentials if a credential plugin fails, ignores ``as``, and sends requests to a
loopback address through the environment's proxy.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

#: Fields of a user, each of which is a way to log in.
_SOURCES = ("exec", "auth-provider", "token", "tokenFile", "username", "client-certificate", "client-certificate-data")
#: Headers for the fields of a user that impersonate another one.
_HEADERS = {"as": "Impersonate-User", "as-uid": "Impersonate-Uid"}
_GROUP = "Impersonate-Group"
#: Module of the official client that logs the faults of plugins instead of raising them.
_LOADER = "kube_config"


class CredentialError(Exception):
    """The credentials of a kubeconfig can't be used; the text says why."""


def with_own_paths(plugin: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return a credential plugin that works the same wherever its kubeconfig is copied to.

    A command with a slash is relative to its kubeconfig, all others are searched in ``$PATH``. The plugin runs in the
    working directory of this process, as with kubectl; the official client would run it next to the kubeconfig.

    Args:
        plugin: The field ``exec`` of a user.
        folder: Folder of the kubeconfig.
    """
    command = str(plugin.get("command") or "")
    if "/" in command:
        command = str((folder / command).absolute())
    return {**plugin, "command": "env", "args": ["-C", str(Path.cwd()), command, *(plugin.get("args") or ())]}


@contextmanager
def captured_faults() -> Iterator[list[str]]:
    """Yield a list that receives the faults that the official client only logs, and keep them out of the log."""
    faults: list[str] = []

    def keep(record: logging.LogRecord) -> bool:
        if record.module != _LOADER:
            return True
        faults.append(record.getMessage())
        return False

    root = logging.getLogger()
    root.addFilter(keep)
    try:
        yield faults
    finally:
        root.removeFilter(keep)


def require_credentials(user: Mapping[str, Any], settings: Any, faults: list[str]) -> None:
    """Check that the official client has the credentials that a user of a kubeconfig names.

    Args:
        user: Fields of the user.
        settings: Its ``kubernetes.client.Configuration``, with the kubeconfig loaded.
        faults: The faults that it logged.

    Raises:
        CredentialError: A plugin failed, or the client read no credentials.
    """
    plugin = user.get("exec") or {}
    if plugin and faults:
        raise CredentialError(f"the credential plugin failed: {'; '.join(faults)}")
    has_some = bool(settings.api_key) or bool(settings.cert_file)
    named = [source for source in _SOURCES if user.get(source)]
    if named and not has_some:
        raise CredentialError(f"no credentials were read from {', '.join(named)}")


def impersonation(user: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the headers that make a request in another user's name.

    Raises:
        CredentialError: The user impersonates more than one group, or sets further fields.
    """
    headers = {header: str(user[field]) for field, header in _HEADERS.items() if user.get(field)}
    groups = user.get("as-groups") or ()
    if len(groups) > 1 or user.get("as-user-extra"):
        raise CredentialError("as-user-extra and more than one group in as-groups are not supported")
    return headers | {_GROUP: str(groups[0])} if groups else headers


def is_loopback(server: str) -> bool:
    """Return True for the URL of a server on this machine, which no proxy of the environment may handle."""
    host = urlsplit(server).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def strip_token(settings: Any) -> None:
    """Remove white space from the token of a ``kubernetes.client.Configuration``: files often end with a newline."""
    refresh = settings.refresh_api_key_hook

    def stripped(configuration: Any) -> None:
        if refresh is not None:
            refresh(configuration)
        configuration.api_key = {name: key.strip() for name, key in configuration.api_key.items()}

    settings.refresh_api_key_hook = stripped
