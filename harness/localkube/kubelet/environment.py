"""Compute a container's environment and arguments from its pod, as the kubelet does."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from harness.localkube.kubelet.images import Image
from harness.localkube.machinery.objects import Object

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_REFERENCE = re.compile(r"\$(\$)?\(([A-Za-z_][A-Za-z0-9_.-]*)\)")
_KEYED = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")
_FIELDS = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.podIP",
    "status.podIPs",
    "status.hostIP",
)
#: Every supported ``fieldPath`` of the downward API.
FIELD_PATHS = re.compile("|".join((_KEYED.pattern, *map(re.escape, _FIELDS))))


class ConfigError(Exception):
    """The container cannot be created from its spec; reported as ``CreateContainerConfigError``."""


def environment(pod: Object, container: Object, image: Image, address: str) -> dict[str, str]:
    """Return all environment variables of a container.

    Raises:
        ConfigError: The source of a value is not supported by the local cluster.
    """
    if container.get("envFrom"):
        raise ConfigError("envFrom is not supported by the local cluster; use env")
    values = {"PATH": _PATH, "HOSTNAME": pod["metadata"]["name"], **image.env}
    for entry in container.get("env") or []:
        if "valueFrom" in entry:
            values[entry["name"]] = _from_source(entry["valueFrom"], pod, address)
        else:
            values[entry["name"]] = expand(entry.get("value") or "", values)
    return values


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replace each ``$(NAME)`` by its value if there is one; ``$$(NAME)`` is an escaped ``$(NAME)``."""

    def replace(match: re.Match[str]) -> str:
        if match[1]:
            return match[0][1:]
        return values.get(match[2], match[0])

    return _REFERENCE.sub(replace, text)


def arguments(texts: Sequence[str] | None, values: Mapping[str, str]) -> list[str]:
    """Return ``command`` or ``args`` with their references replaced."""
    return [expand(text, values) for text in texts or ()]


def _from_source(source: Object, pod: Object, address: str) -> str:
    if "fieldRef" not in source:
        raise ConfigError(f"env valueFrom {', '.join(source)} is not supported by the local cluster; use fieldRef")
    path = source["fieldRef"]["fieldPath"]
    keyed = _KEYED.fullmatch(path)
    if keyed is not None:
        value: str = (pod["metadata"].get(keyed[1]) or {}).get(keyed[2], "")
        return value
    if path not in _FIELDS:
        raise ConfigError(f"env fieldRef {path} is not supported")
    metadata, spec = pod["metadata"], pod["spec"]
    host = pod.get("status", {}).get("hostIP", "")
    values = (
        *(metadata["name"], metadata["namespace"], metadata["uid"]),
        *(spec.get("nodeName", ""), spec.get("serviceAccountName", "default"), address, address, host),
    )
    return str(dict(zip(_FIELDS, values, strict=True))[path])
