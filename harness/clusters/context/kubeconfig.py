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
from harness.kube.credentials import with_own_paths

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

    As with kubectl, $KUBECONFIG may list files that do not exist, and relative paths are relative to their kubeconfig.

    Raises:
        InvalidInputError: There is no such file or context, or the context names a cluster or user that no file
            defines; names the existing ones.
    """
    files = _files(kubeconfig)
    configs = [(path, _read(path)) for path in files]
    contexts = _entries(configs, "contexts")
    if context not in contexts:
        known = ", ".join(sorted(contexts)) or "none"
        message = f"there is no context {context!r}" if context else "an existing cluster needs --context NAME"
        raise InvalidInputError([Problem(message, ":".join(map(str, files)), hint=f"existing contexts: {known}")])
    chosen = contexts[context][1]["context"]
    cluster = _entry(configs, context, chosen, "cluster")
    user = _entry(configs, context, chosen, "user") if chosen.get("user") else {}
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
    """Return the files to read."""
    if kubeconfig:
        return [Path(kubeconfig)]
    paths = [Path(part) for part in os.environ.get("KUBECONFIG", "").split(":") if part]
    existing = [path for path in paths if path.exists()]
    if paths and not existing:
        missing = ":".join(map(str, paths))
        raise InvalidInputError([Problem("no file of $KUBECONFIG exists", missing, hint="set it, or use --kubeconfig")])
    return existing or [Path.home() / ".kube" / "config"]


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


def _entry(
    configs: list[tuple[Path, Mapping[str, Any]]], context: str, chosen: Mapping[str, Any], word: str
) -> dict[str, Any]:
    """Return the fields of the cluster or user of a context, with absolute paths."""
    name = str(chosen.get(word) or "")
    entries = _entries(configs, f"{word}s")
    if name not in entries:
        known = ", ".join(sorted(entries)) or "none"
        message = f"context {context!r} names {word} {name!r}, which no kubeconfig defines"
        raise InvalidInputError([Problem(message, hint=f"existing {word}s: {known}")])
    path, entry = entries[name]
    fields = dict(entry.get(word) or {})
    for field in _FILES:
        if fields.get(field):  # relative to the kubeconfig that contains it
            fields[field] = str((path.parent / fields[field]).absolute())
    if word == "cluster" and not fields.get("server"):
        raise InvalidInputError([Problem(f"cluster {name!r} has no server", str(path))])
    if plugin := fields.get("exec"):
        fields["exec"] = with_own_paths(plugin, path.parent)
    return fields
