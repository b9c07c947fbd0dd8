"""Patches and server-side apply on stored objects."""

from __future__ import annotations

import copy
from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.localkube.api.errors import StatusError
from harness.localkube.api.ownership import Appliers
from harness.localkube.api.patching import JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, patched

Object = dict[str, Any]

OBJ: Object = {
    "metadata": {"name": "a", "uid": "u"},
    "spec": {"replicas": 1, "containers": [{"name": "c", "image": "i:1"}, {"name": "d", "image": "j:1"}]},
}


def code(body: Any, kind: str) -> int:
    """The HTTP status with which a patch is refused."""
    with pytest.raises(StatusError) as caught:
        patched(OBJ, body, kind)
    return caught.value.code


def test_kinds_of_patch_differ_in_lists() -> None:
    """A merge patch replaces the list of containers; a strategic one changes the container of the same name."""
    body = {"spec": {"containers": [{"name": "c", "image": "i:2"}]}}

    assert patched(OBJ, body, MERGE_PATCH)["spec"]["containers"] == [{"name": "c", "image": "i:2"}]
    strategic = patched(OBJ, body, f"{STRATEGIC_PATCH}; charset=utf-8")
    assert strategic["spec"]["containers"] == [{"name": "c", "image": "i:2"}, {"name": "d", "image": "j:1"}]


def test_a_json_patch_tests_before_it_changes() -> None:
    """A JSON patch whose test fails changes nothing and is refused with 422."""
    change = {"op": "replace", "path": "/spec/replicas", "value": 3}

    assert (
        patched(OBJ, [{"op": "test", "path": "/spec/replicas", "value": 1}, change], JSON_PATCH)["spec"]["replicas"]
        == 3
    )
    assert code([{"op": "test", "path": "/spec/replicas", "value": 2}, change], JSON_PATCH) == 422
    assert OBJ["spec"]["replicas"] == 1


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        ([{"op": "remove", "path": "/spec/nothing"}], JSON_PATCH, 422),
        ([{"op": "replace", "path": "/no/such/path", "value": 1}], JSON_PATCH, 422),
        ([{"op": "wild", "path": "/spec"}], JSON_PATCH, 422),
        ({"spec": {}}, JSON_PATCH, 400),
        ([{"op": "replace", "path": "", "value": 1}], JSON_PATCH, 400),
        ([], MERGE_PATCH, 400),
        ("x", STRATEGIC_PATCH, 400),
        ({"spec": {"containers": [{"image": "x"}]}}, STRATEGIC_PATCH, 500),
        ({}, "application/json", 415),
    ],
)
def test_what_is_refused(body: Any, kind: str, expected: int) -> None:
    """A patch that is malformed, or does not fit, is refused with the status of a real server."""
    assert code(body, kind) == expected


_JSON = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
_OBJECTS = st.dictionaries(st.text(max_size=3), _JSON, max_size=4)


@given(_OBJECTS, _OBJECTS)
def test_patches_leave_the_stored_object_alone(before: Object, after: Object) -> None:
    """A JSON patch from one object to another gives the other, and the first stays as it was."""
    original = copy.deepcopy(before)
    operations = jsonpatch.make_patch(before, after).patch

    assert patched(before, operations, JSON_PATCH) == after
    assert before == original


def test_apply_removes_what_is_no_longer_applied() -> None:
    """A field or list item that a manager's manifest no longer has goes; what others set stays."""
    appliers = Appliers()
    first: Object = {"spec": {"replicas": 2, "containers": [{"name": "c", "image": "i:2", "args": ["x"]}]}}
    second: Object = {"spec": {"containers": [{"name": "c", "image": "i:3"}]}}
    appliers.remember("u", first, "me")
    live = patched(OBJ, first, STRATEGIC_PATCH)

    merged = appliers.merged(live, second, "me")

    assert "replicas" not in merged["spec"]
    assert merged["spec"]["containers"] == [{"name": "c", "image": "i:3"}, {"name": "d", "image": "j:1"}]


def test_apply_removes_an_item_it_had_added() -> None:
    """A container that was applied and is no longer in the manifest is removed."""
    appliers = Appliers()
    appliers.remember("u", {"spec": {"containers": [{"name": "c", "image": "i:1"}, {"name": "d", "image": "j"}]}}, "me")

    merged = appliers.merged(OBJ, {"spec": {"containers": [{"name": "c", "image": "i:1"}]}}, "me")

    assert [c["name"] for c in merged["spec"]["containers"]] == ["c"]


def test_another_manager_removes_nothing() -> None:
    """What one manager applied is not removed by the manifest of another."""
    appliers = Appliers()
    appliers.remember("u", {"spec": {"replicas": 1}}, "me")

    assert appliers.merged(OBJ, {"spec": {}}, "you")["spec"]["replicas"] == 1
