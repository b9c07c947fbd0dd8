"""Extracts one context from the user's kubeconfig, so that the harness can't reach any other cluster."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.errors import InvalidInputError, Problem
from harness.kit.files import clear_disk_errors

#: Fields of a cluster or user whose value is the path of a file.
_FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


@dataclass(frozen=True, slots=True)
class KubeContext:
    """A context of a kubeconfig.

    Attributes:
        context: Name of the context.
        cluster: Name of its cluster in the kubeconfig.
        server: URL of the API server.
        content: A kubeconfig with only this context.
    """

    context: str
    cluster: str
    server: str
    content: Mapping[str, Any]

    def write(self, path: Path) -> None:
        """Write the kubeconfig, readable only by this user, because it contains credentials."""
        with clear_disk_errors(path):
            path.touch(mode=0o600)
            path.write_text(yaml.safe_dump(dict(self.content), sort_keys=False), encoding="utf-8")


def find_context(context: str, kubeconfig: str = "") -> KubeContext:
    """Return the context of that name, from the given file, from $KUBECONFIG, or from ~/.kube/config.

    Raises:
        InvalidInputError: There is no such file or context; names the existing contexts.
    """
    files = _files(kubeconfig)
    configs = [(path, _read(path)) for path in files]
    contexts = _entries(configs, "contexts")
    if context not in contexts:
        known = ", ".join(sorted(contexts)) or "none"
        message = f"there is no context {context!r}" if context else "an existing cluster needs --context NAME"
        raise InvalidInputError([Problem(message, ":".join(map(str, files)), hint=f"existing contexts: {known}")])
    chosen = contexts[context][1]["context"]
    cluster = _entry(configs, "clusters", "cluster", str(chosen.get("cluster")))
    user = _entry(configs, "users", "user", str(chosen.get("user")))
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "contexts": [{"name": context, "context": chosen}],
        "clusters": [{"name": chosen.get("cluster"), "cluster": cluster}],
        "users": [{"name": chosen.get("user"), "user": user}],
    }
    return KubeContext(context, str(chosen.get("cluster")), str(cluster.get("server", "")), content)


def _files(kubeconfig: str) -> list[Path]:
    if kubeconfig:
        return [Path(kubeconfig)]
    paths = os.environ.get("KUBECONFIG", "")
    return [Path(part) for part in paths.split(":") if part] or [Path.home() / ".kube" / "config"]


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise InvalidInputError([Problem(f"the kubeconfig can't be read: {error}", str(path))]) from error
    if not isinstance(content, Mapping):
        raise InvalidInputError([Problem("this file is not a kubeconfig", str(path))])
    return content


def _entries(configs: list[tuple[Path, Mapping[str, Any]]], section: str) -> dict[str, tuple[Path, Mapping[str, Any]]]:
    """Return the entries of a section by name. The first of several with the same name counts, as in kubectl."""
    found: dict[str, tuple[Path, Mapping[str, Any]]] = {}
    for path, config in configs:
        for entry in config.get(section) or ():
            found.setdefault(str(entry.get("name")), (path, entry))
    return found


def _entry(configs: list[tuple[Path, Mapping[str, Any]]], section: str, word: str, name: str) -> dict[str, Any]:
    path, entry = _entries(configs, section).get(name, (Path(), {}))
    fields = dict(entry.get(word) or {})
    for field in _FILES:
        if fields.get(field):  # relative to the kubeconfig that contains it
            fields[field] = str((path.parent / fields[field]).absolute())
    return fields
