"""Copies of objects."""

from __future__ import annotations

from collections import OrderedDict
from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from harness.kube.copies import copied

VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=3)),
    lambda parts: st.one_of(st.lists(parts, max_size=3), st.dictionaries(st.text(max_size=3), parts, max_size=3)),
    max_leaves=10,
)


@given(VALUES)
def test_a_copy_is_equal(value: object) -> None:
    """A copy of JSON data equals the original."""
    assert copied(value) == deepcopy(value) == value


def test_a_copy_shares_no_part_with_the_original() -> None:
    """A change of a copy changes neither the original nor another part of the copy."""
    part = {"ports": [80]}
    original: Any = {"a": part, "b": [part], "c": OrderedDict(x=part)}

    copy = copied(original)
    copy["a"]["ports"].append(81)
    copy["b"][0]["ports"].append(82)
    copy["c"]["x"]["ports"].append(83)

    assert original == {"a": {"ports": [80]}, "b": [{"ports": [80]}], "c": {"x": {"ports": [80]}}}
    assert copy["a"] == {"ports": [80, 81]}
