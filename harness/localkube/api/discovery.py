"""Serve discovery documents: groups, versions and resources."""

from __future__ import annotations

from itertools import groupby

from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import RESOURCES, REVIEWS, Resource

#: The Kubernetes version whose behaviour this server copies.
VERSION = "v1.34.4"

#: A document of OpenAPI v2 in protobuf that describes no kind. kubectl reads it for kinds that v3 does not describe.
#: Without it, kubectl could not report that a manifest has a version that no longer exists.
OPENAPI_V2 = b"\x0a\x032.0"
OPENAPI_V2_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
#: (group, version, kind, verbs) of subresources with another kind than the resource, or with fewer verbs.
_SUBRESOURCES = {
    "scale": ("autoscaling", "v1", "Scale", ("get", "patch", "update")),
    "eviction": ("policy", "v1", "Eviction", ("create",)),
    "token": ("authentication.k8s.io", "v1", "TokenRequest", ("create",)),
    "log": ("", "v1", "", ("get",)),
    "exec": ("", "v1", "PodExecOptions", ("create", "get")),
    "portforward": ("", "v1", "PodPortForwardOptions", ("create", "get")),
    "finalize": ("", "v1", "Namespace", ("update",)),
}


def _by_group_version() -> dict[tuple[str, str], list[Resource]]:
    newest_first = sorted((*RESOURCES, *REVIEWS), key=lambda r: r.version, reverse=True)
    ordered = sorted(newest_first, key=lambda r: r.group)
    return {key: list(found) for key, found in groupby(ordered, key=lambda r: (r.group, r.version))}


_GROUP_VERSIONS = _by_group_version()
GROUPS = tuple(sorted({group for group, _ in _GROUP_VERSIONS if group}))


def version_info() -> Object:
    """Return ``/version``."""
    major, minor, _patch = VERSION.removeprefix("v").split(".")
    return {
        "major": major,
        "minor": minor,
        "gitVersion": VERSION,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": "linux/amd64",
    }


def core_versions(address: str) -> Object:
    """Return ``/api``."""
    where = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": where}


def group_list() -> Object:
    """Return ``/apis``."""
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in GROUPS]}


def group(name: str) -> Object | None:
    """Return ``/apis/<group>``; None for an unknown group."""
    return {"kind": "APIGroup", "apiVersion": "v1"} | _group(name) if name in GROUPS else None


def _group(name: str) -> Object:
    versions = [{"groupVersion": f"{name}/{v}", "version": v} for g, v in _GROUP_VERSIONS if g == name]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def resource_list(group_name: str, version: str) -> Object | None:
    """Return ``/api/v1`` or ``/apis/<group>/<version>``; None for an unknown version."""
    found = _GROUP_VERSIONS.get((group_name, version))
    if found is None:
        return None
    api_version = found[0].api_version
    entries = [entry for resource in found for entry in _entries(resource)]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": entries}


def _entries(resource: Resource) -> list[Object]:
    own: Object = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": _verbs(resource),
    }
    if resource.short_names:
        own["shortNames"] = list(resource.short_names)
    if resource.categories:
        own["categories"] = list(resource.categories)
    return [own, *(_subresource_entry(resource, name) for name in resource.subresources)]


def _verbs(resource: Resource) -> list[str]:
    return ["create"] if resource in REVIEWS else list(_VERBS)


def _subresource_entry(resource: Resource, name: str) -> Object:
    group_name, version, kind, verbs = _subresource(resource, name)
    return {
        "name": f"{resource.plural}/{name}",
        "singularName": "",
        "namespaced": resource.namespaced,
        "group": group_name,
        "version": version,
        "kind": kind or resource.kind,
        "verbs": list(verbs),
    }


def _subresource(resource: Resource, name: str) -> tuple[str, str, str, tuple[str, ...]]:
    default = (resource.group, resource.version, resource.kind, ("get", "patch", "update"))
    return _SUBRESOURCES.get(name, default)


def aggregated(*, core: bool) -> Object:
    """Return all of ``/api`` or of ``/apis`` in one document, which saves clients a request for each group."""
    names = ("",) if core else GROUPS
    items = [
        {
            "metadata": {"name": name, "creationTimestamp": None},
            "versions": [
                {"version": v, "freshness": "Current", "resources": [_aggregated_entry(r) for r in resources]}
                for (g, v), resources in _GROUP_VERSIONS.items()
                if g == name
            ],
        }
        for name in names
    ]
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _aggregated_entry(resource: Resource) -> Object:
    entry: Object = {
        "resource": resource.plural,
        "responseKind": _kind(resource.group, resource.version, resource.kind),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": _verbs(resource),
        "shortNames": list(resource.short_names),
        "categories": list(resource.categories),
    }
    entry["subresources"] = [
        {"subresource": name, "responseKind": _kind(g, v, kind or resource.kind), "verbs": list(verbs)}
        for name in resource.subresources
        for g, v, kind, verbs in [_subresource(resource, name)]
    ]
    return entry


def _kind(group_name: str, version: str, kind: str) -> Object:
    return {"group": group_name, "version": version, "kind": kind}


def openapi_index() -> Object:
    """Return ``/openapi/v3``: where the fields of each group are; the hash tells clients when their copies are old."""
    roots = sorted({resource.root for resource in RESOURCES})
    return {"paths": {root[1:]: {"serverRelativeURL": f"/openapi/v3{root}?hash={VERSION}"} for root in roots}}
