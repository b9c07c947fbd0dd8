"""Patches and server-side apply on stored objects."""

from __future__ import annotations

import copy
from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.localkube.api.errors import StatusError
from harness.localkube.api.patching import JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, patched

Object = dict[str, Any]

OBJ: Object = {
    "metadata": {"name": "a", "uid": "u"},
    "spec": {"replicas": 1, "containers": [{"name": "c", "image": "i:1"}, {"name": "d", "image": "j:1"}]},
}


def code(body: Any, kind: str) -> int:
    """Return the HTTP status with which a patch is rejected."""
    with pytest.raises(StatusError) as caught:
        patched(OBJ, body, kind)
    return caught.value.code


def test_patch_types_differ_in_lists() -> None:
    """A merge patch replaces the list of containers; a strategic one changes the container of the same name."""
    body = {"spec": {"containers": [{"name": "c", "image": "i:2"}]}}

    assert patched(OBJ, body, MERGE_PATCH)["spec"]["containers"] == [{"name": "c", "image": "i:2"}]
    strategic = patched(OBJ, body, f"{STRATEGIC_PATCH}; charset=utf-8")
    assert strategic["spec"]["containers"] == [{"name": "c", "image": "i:2"}, {"name": "d", "image": "j:1"}]


def test_a_json_patch_tests_before_it_changes() -> None:
    """A JSON patch whose test fails changes nothing and is answered with 422."""
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
def test_invalid_patches_are_rejected(body: Any, kind: str, expected: int) -> None:
    """A malformed or inapplicable patch is rejected with a real server's status."""
    assert code(body, kind) == expected


_JSON = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
_OBJECTS = st.dictionaries(st.text(max_size=3), _JSON, max_size=4)


@given(_OBJECTS, _OBJECTS)
def test_patches_do_not_change_the_stored_object(before: Object, after: Object) -> None:
    """A JSON patch from one object to another gives the other, and the first is unchanged."""
    original = copy.deepcopy(before)
    operations = jsonpatch.make_patch(before, after).patch

    assert patched(before, operations, JSON_PATCH) == after
    assert before == original
