"""Stored objects say the version of their format, under the name of today or the former one."""

from __future__ import annotations

from typing import Any

import pytest

from harness.errors import EvidenceError
from harness.store.versions import check_version


@pytest.mark.parametrize("data", [{"version": 1, "run": "a"}, {"format": 1, "run": "a"}])
def test_both_names_are_read(data: dict[str, Any]) -> None:
    """Objects of earlier harnesses have the former name. The input stays as it is."""
    before = dict(data)

    assert check_version(data, 1, "here") == {"version": 1, "run": "a"}
    assert data == before


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ([], "None"),
        ({}, "None"),
        ({"version": 2}, "2"),
        ({"format": 2}, "2"),
        ({"version": True}, "True"),
        ({"version": 2, "format": 1}, "2"),
    ],
)
def test_another_version_is_refused(data: Any, found: str) -> None:
    """The place and both versions are named; only a number that is higher asks for a newer harness."""
    with pytest.raises(EvidenceError, match=f"^here: this harness reads version 1, not {found}") as refused:
        check_version(data, 1, "here")

    assert bool(refused.value.hint) is (found == "2")
