"""Read the ConfigMaps and Secrets that a pod's variables and volumes name."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from harness.localkube.kubelet.environment import Sources
from harness.localkube.machinery.client import ApiClient, NotFound
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import CONFIGMAPS, SECRETS, Resource

_RESOURCES: Mapping[str, Resource] = {"ConfigMap": CONFIGMAPS, "Secret": SECRETS}


async def read_sources(client: ApiClient, namespace: str, container: Object) -> Sources:
    """Return the objects that a container's variables come from; one that does not exist is missing in the result."""
    found = {}
    for kind, name in dict.fromkeys(_named_by(container)):
        if (obj := await find_source(client, namespace, kind, name)) is not None:
            found[kind, name] = _variables(kind, obj)
    return found


async def missing_for_volumes(client: ApiClient, pod: Object) -> str:
    """Return why a volume of a pod cannot be mounted yet, as the kubelet's event says it; empty if all can be."""
    for volume in pod["spec"].get("volumes") or ():
        for kind, name in _required_by(volume):
            if await find_source(client, pod["metadata"]["namespace"], kind, name) is None:
                return f'MountVolume.SetUp failed for volume "{volume["name"]}" : {kind.lower()} "{name}" not found'
    return ""


async def find_source(client: ApiClient, namespace: str, kind: str, name: str) -> Object | None:
    """Return a ConfigMap or Secret; None if it does not exist."""
    try:
        return await client.get(_RESOURCES[kind], name, namespace)
    except NotFound:
        return None


def _variables(kind: str, obj: Object) -> dict[str, str]:
    """Return the values that variables can have, by key."""
    data = obj.get("data") or {}
    if kind == "ConfigMap":
        return dict(data)
    return {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}


def _named_by(container: Object) -> Iterator[tuple[str, str]]:
    for source in container.get("envFrom") or ():
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if field in source:
                yield kind, source[field]["name"]
    for entry in container.get("env") or ():
        for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            if field in (entry.get("valueFrom") or {}):
                yield kind, entry["valueFrom"][field]["name"]


def _required_by(volume: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the objects without which a volume cannot be mounted."""
    for part in (volume, *((volume.get("projected") or {}).get("sources") or ())):
        for field, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
            reference = part.get(field) or {}
            name = reference.get("secretName") or reference.get("name")
            if name and not reference.get("optional"):
                yield kind, str(name)
