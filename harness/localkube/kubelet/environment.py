"""Compute a container's environment and arguments from its pod, as the kubelet does."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from harness.localkube.kubelet.images import Image
from harness.localkube.machinery.objects import Object

#: (kind, name) of a ConfigMap or Secret -> its data as text.
Sources = Mapping[tuple[str, str], Mapping[str, str]]

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
#: Fields that only a file of the downward API can have.
_WHOLE = ("metadata.labels", "metadata.annotations")
#: Every supported ``fieldPath`` of a variable.
FIELD_PATHS = re.compile("|".join((_KEYED.pattern, *map(re.escape, _FIELDS))))
#: Every supported ``fieldPath`` of a file.
FILE_PATHS = re.compile("|".join((_KEYED.pattern, *map(re.escape, (*_FIELDS, *_WHOLE)))))


class ConfigError(Exception):
    """The container cannot be created from its spec; reported as ``CreateContainerConfigError``."""


def environment(
    pod: Object, container: Object, image: Image, address: str, sources: Sources = MappingProxyType({})
) -> dict[str, str]:
    """Return all environment variables of a container: of the image, of ``envFrom``, then of ``env``.

    Args:
        pod: Its pod.
        container: Its entry in the pod's spec.
        image: Its image.
        address: The pod's address.
        sources: The ConfigMaps and Secrets that it names, as far as they exist.

    Raises:
        ConfigError: A ConfigMap, Secret or key does not exist, or the source of a value is not supported.
    """
    values = {"PATH": _PATH, "HOSTNAME": pod["metadata"]["name"], **image.env}
    for source in container.get("envFrom") or []:
        values |= _all_of(source, sources)
    for entry in container.get("env") or []:
        if not entry.get("valueFrom"):
            values[entry["name"]] = expand(entry.get("value") or "", values)
        elif (value := _from_source(entry["valueFrom"], pod, address, sources)) is not None:
            values[entry["name"]] = value
    return values


def without_own_sources(container: Object) -> Object:
    """Return only the variables of a container from ConfigMaps and Secrets, which must exist even for a stand-in."""
    known = {"configMapKeyRef", "secretKeyRef"}
    kept = [each for each in container.get("env") or [] if known & (each.get("valueFrom") or {}).keys()]
    return {"env": kept, "envFrom": container.get("envFrom") or []}


def _all_of(source: Object, sources: Sources) -> dict[str, str]:
    """Return the variables of one entry of ``envFrom``."""
    field, kind = ("configMapRef", "ConfigMap") if "configMapRef" in source else ("secretRef", "Secret")
    reference = source[field]
    data = sources.get((kind, reference["name"]))
    if data is None and not reference.get("optional"):
        raise ConfigError(f'{kind.lower()} "{reference["name"]}" not found')
    return {f"{source.get('prefix') or ''}{key}": value for key, value in (data or {}).items()}


def _key_of(kind: str, reference: Object, sources: Sources) -> str | None:
    """Return the value of one key; None if it does not exist and is optional."""
    data = sources.get((kind, reference["name"]))
    if data is not None and reference["key"] in data:
        return data[reference["key"]]
    if reference.get("optional"):
        return None
    if data is None:
        raise ConfigError(f'{kind.lower()} "{reference["name"]}" not found')
    raise ConfigError(f"couldn't find key {reference['key']} in {kind} {reference['name']}")


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


def _from_source(source: Object, pod: Object, address: str, sources: Sources) -> str | None:
    for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
        if field in source:
            return _key_of(kind, source[field], sources)
    if "fieldRef" not in source:
        raise ConfigError(f"env valueFrom {', '.join(source)} is not supported by the local cluster")
    return _field(source["fieldRef"]["fieldPath"], pod, address)


def downward_value(pod: Object, path: str, address: str) -> bytes:
    """Return the content of a file of the downward API: a field of the pod, or all its labels or annotations.

    Raises:
        ConfigError: The field is not supported.
    """
    if path in _WHOLE:
        entries = sorted((pod["metadata"].get(path.partition(".")[2]) or {}).items())
        # Go quotes a value as JSON does, except for characters that no label and few annotations contain.
        return "\n".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in entries).encode()
    return _field(path, pod, address).encode()


def _field(path: str, pod: Object, address: str) -> str:
    keyed = _KEYED.fullmatch(path)
    if keyed is not None:
        value: str = (pod["metadata"].get(keyed[1]) or {}).get(keyed[2], "")
        return value
    if path not in _FIELDS:
        raise ConfigError(f"fieldRef {path} is not supported")
    metadata, spec = pod["metadata"], pod["spec"]
    host = pod.get("status", {}).get("hostIP", "")
    values = (
        *(metadata["name"], metadata["namespace"], metadata["uid"]),
        *(spec.get("nodeName", ""), spec.get("serviceAccountName", "default"), address, address, host),
    )
    return str(dict(zip(_FIELDS, values, strict=True))[path])
