"""Laws hold for every object and every patch without directives."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.kube.strategic import json_merge, strategic_merge

SCALARS = st.one_of(st.integers(0, 3), st.sampled_from(["x", "y"]), st.booleans())
NAMES = st.sampled_from(["a", "b", "c"])


def named_lists(extra: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Return lists of containers with distinct names."""
    items = st.fixed_dictionaries({"name": NAMES}, optional={"image": extra, "args": st.lists(SCALARS, max_size=2)})
    return st.lists(items, max_size=3, unique_by=lambda item: item["name"])


def objects(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects, or patches if ``leaf`` may be None."""
    spec = st.fixed_dictionaries(
        {},
        optional={
            "containers": named_lists(leaf),
            "tolerations": st.lists(st.fixed_dictionaries({"key": NAMES}), max_size=2),
            "replicas": leaf,
            "selector": st.dictionaries(NAMES, leaf, max_size=2),
        },
    )
    metadata = st.fixed_dictionaries({}, optional={"finalizers": st.lists(NAMES, unique=True, max_size=3)})
    return st.fixed_dictionaries({}, optional={"spec": spec, "metadata": metadata})


OBJECTS = objects(SCALARS)
PATCHES = objects(st.one_of(st.none(), SCALARS))


@settings(max_examples=60, deadline=None)
@given(OBJECTS)
def test_the_empty_patch_is_the_identity(original: dict[str, Any]) -> None:
    """An empty patch changes nothing, and the result is a copy."""
    merged = strategic_merge(original, {})

    assert merged == original
    assert merged is not original
    assert json_merge(original, {}) == original


@settings(max_examples=60, deadline=None)
@given(OBJECTS, PATCHES)
def test_a_patch_twice_is_a_patch_once(original: dict[str, Any], patch: dict[str, Any]) -> None:
    """Both kinds of patches are idempotent, including the order of lists."""
    once = strategic_merge(original, patch)

    assert strategic_merge(once, patch) == once
    assert json_merge(json_merge(original, patch), patch) == json_merge(original, patch)


@settings(max_examples=60, deadline=None)
@given(OBJECTS, PATCHES)
def test_inputs_are_not_changed(original: dict[str, Any], patch: dict[str, Any]) -> None:
    """No argument is changed, and the result shares no part with them."""
    kept = deepcopy((original, patch))
    for merge in (strategic_merge, json_merge):
        merged = merge(original, patch)
        for container in merged.get("spec", {}).get("containers") or []:
            container["name"] = "spoiled"
        merged.setdefault("metadata", {})["finalizers"] = "spoiled"

    assert (original, patch) == kept


@settings(max_examples=60, deadline=None)
@given(OBJECTS)
def test_an_object_patched_onto_nothing_is_itself(original: dict[str, Any]) -> None:
    """Patching an empty object with a whole one gives the whole one."""
    assert strategic_merge({}, original) == original
