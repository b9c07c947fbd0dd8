"""One context of the user's kubeconfig, by itself: nothing the harness does can reach another cluster by it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.errors import InvalidInputError, Problem
from harness.kit.files import clear_disk_errors

#: Fields of a cluster or user that name a file.
_FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


@dataclass(frozen=True, slots=True)
class Target:
    """A context.

    Attributes:
        context: Its name.
        cluster: Name of the cluster in the kubeconfig.
        server: Its API server's URL.
        content: A kubeconfig with this context alone.
    """

    context: str
    cluster: str
    server: str
    content: Mapping[str, Any]

    def write(self, path: Path) -> None:
        """Write the kubeconfig, for this user's eyes only: it holds what lets people in."""
        with clear_disk_errors(path):
            path.touch(mode=0o600)
            path.write_text(yaml.safe_dump(dict(self.content), sort_keys=False), encoding="utf-8")


def find_target(context: str, kubeconfig: str = "") -> Target:
    """The context of that name, from the file given, else from $KUBECONFIG, else from ~/.kube/config.

    Raises:
        InvalidInputError: There is no such file or context; names the contexts there are.
    """
    files = _files(kubeconfig)
    configs = [(path, _read(path)) for path in files]
    contexts = _entries(configs, "contexts")
    if context not in contexts:
        known = ", ".join(sorted(contexts)) or "none"
        message = f"there is no context {context!r}" if context else "a cluster that is there needs --context NAME"
        raise InvalidInputError([Problem(message, ":".join(map(str, files)), hint=f"there are: {known}")])
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
    return Target(context, str(chosen.get("cluster")), str(cluster.get("server", "")), content)


def _files(kubeconfig: str) -> list[Path]:
    if kubeconfig:
        return [Path(kubeconfig)]
    told = os.environ.get("KUBECONFIG", "")
    return [Path(part) for part in told.split(":") if part] or [Path.home() / ".kube" / "config"]


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise InvalidInputError([Problem(f"the kubeconfig can't be read: {error}", str(path))]) from error
    if not isinstance(content, Mapping):
        raise InvalidInputError([Problem("this is no kubeconfig", str(path))])
    return content


def _entries(configs: list[tuple[Path, Mapping[str, Any]]], section: str) -> dict[str, tuple[Path, Mapping[str, Any]]]:
    """Entries of a section by name; of several with a name the first counts, as for kubectl."""
    found: dict[str, tuple[Path, Mapping[str, Any]]] = {}
    for path, config in configs:
        for entry in config.get(section) or ():
            found.setdefault(str(entry.get("name")), (path, entry))
    return found


def _entry(configs: list[tuple[Path, Mapping[str, Any]]], section: str, word: str, name: str) -> dict[str, Any]:
    path, entry = _entries(configs, section).get(name, (Path(), {}))
    fields = dict(entry.get(word) or {})
    for field in _FILES:
        if fields.get(field):  # relative to the file that says it
            fields[field] = str((path.parent / fields[field]).absolute())
    return fields
