"""Endpoints are computed from EndpointSlices when they are read."""

from __future__ import annotations

import asyncio
from typing import Any

from harness.localkube.api.endpoints import EndpointsReader
from harness.localkube.api.storage import Storage
from harness.localkube.machinery.resources import ENDPOINTS, ENDPOINTSLICES

Object = dict[str, Any]


def piece(*endpoints: Object, name: str = "apple-1", service: str = "apple") -> Object:
    """Build an EndpointSlice."""
    labels = {"kubernetes.io/service-name": service, "app": "apple"}
    metadata = {"name": name, "namespace": "default", "uid": "u", "creationTimestamp": "t", "labels": labels}
    return {"metadata": metadata, "endpoints": list(endpoints), "ports": [{"name": "", "port": 80, "protocol": "TCP"}]}


def endpoint(address: str, **conditions: bool) -> Object:
    """Build an endpoint; it is ready unless its conditions say otherwise."""
    return {"addresses": [address], "conditions": {"ready": True, **conditions}, "nodeName": "n"}


def stored(*pieces: Object) -> Storage:
    """Return a storage with these slices."""
    storage = Storage(start=100)
    for each in pieces:
        storage.put(ENDPOINTSLICES, ("default", each["metadata"]["name"]), each)
    return storage


def test_addresses_are_ready_waiting_or_absent() -> None:
    """A pod that is ending is in neither list; the name of a port without one is absent."""
    ending = endpoint("127.0.0.3", ready=False, terminating=True)
    storage = stored(piece(endpoint("127.0.0.1"), endpoint("127.0.0.2", ready=False), ending))

    (found,) = EndpointsReader(storage).list(ENDPOINTS)

    assert found["metadata"]["name"] == "apple"
    assert found["subsets"] == [
        {
            "addresses": [{"ip": "127.0.0.1", "nodeName": "n"}],
            "notReadyAddresses": [{"ip": "127.0.0.2", "nodeName": "n"}],
            "ports": [{"port": 80, "protocol": "TCP"}],
        }
    ]


def test_slices_of_a_service_are_one_object_and_a_stored_one_precedes() -> None:
    """Each slice is a subset; what a user has stored under the name is not replaced."""
    storage = stored(
        piece(endpoint("127.0.0.1")), piece(endpoint("127.0.0.2"), name="apple-2"), piece(name="p", service="pear")
    )
    reader = EndpointsReader(storage)
    both = reader.get(ENDPOINTS, ("default", "apple")) or {}
    assert [each["addresses"][0]["ip"] for each in both["subsets"]] == ["127.0.0.1", "127.0.0.2"]
    assert "subsets" not in (reader.get(ENDPOINTS, ("default", "pear")) or {})

    own = {"metadata": {"name": "apple", "namespace": "default"}, "subsets": []}
    storage.put(ENDPOINTS, ("default", "apple"), own)
    assert (reader.get(ENDPOINTS, ("default", "apple")) or {})["subsets"] == []
    assert [each["metadata"]["name"] for each in reader.list(ENDPOINTS, "default")] == ["apple", "pear"]
    assert reader.list(ENDPOINTS, "other") == []


def test_a_watch_sees_each_change_of_a_slice() -> None:
    """A Service's first slice adds the object, a change modifies it, and the last slice's end deletes it."""

    async def scenario() -> list[tuple[str, int]]:
        storage = stored()
        reader, key = EndpointsReader(storage), ("default", "apple-1")
        start = storage.version
        with reader.subscribe(ENDPOINTS) as changes:
            seen = []
            storage.put(ENDPOINTSLICES, key, piece())
            seen.append(await changes.get())
            changed = storage.put(ENDPOINTSLICES, key, piece(endpoint("127.0.0.1")))
            seen.append(await changes.get())
            storage.remove(ENDPOINTSLICES, key, changed)
            seen.append(await changes.get())
        assert [each.version for each in reader.since(ENDPOINTS, start)] == [each.version for each in seen]
        return [(each.kind, len(each.new.get("subsets", ()))) for each in seen]

    assert asyncio.run(scenario()) == [("ADDED", 0), ("MODIFIED", 1), ("DELETED", 1)]
