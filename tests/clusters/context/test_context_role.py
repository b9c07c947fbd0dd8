"""The Roles in the documentation are the lists that are asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import yaml

from harness.clusters.context.access import NEEDS, OF_CHANGE, OPTIONAL, Need, needs_in_place

DOCS = Path(__file__).parents[3] / "docs"
Rights = dict[tuple[str, str], set[str]]


def documented(page: str) -> Rights:
    """(group, resource) -> verbs of the Role on a page."""
    text = (DOCS / page).read_text(encoding="utf-8")
    roles = [yaml.safe_load(part.split("```")[0]) for part in text.split("```yaml\n")[1:]]
    (role,) = [role for role in roles if str(role.get("kind", "")).endswith("Role")]
    return {(rule["apiGroups"][0], rule["resources"][0]): set(rule["verbs"]) for rule in role["rules"]}


def united(needs: Iterable[Need]) -> Rights:
    """The verbs of all needs, by what they are for."""
    rights: Rights = defaultdict(set)
    for need in needs:
        rights[need.group, need.resource] |= set(need.verbs)
    return dict(rights)


def test_documented_role_is_what_is_needed() -> None:
    """Whoever grants it can run, and grants no more."""
    assert documented("clusters.md") == united(NEEDS)


def test_documented_role_in_place_is_what_all_changes_need() -> None:
    """Every change can be made with it, and nothing beyond that."""
    needs = [need for change in OF_CHANGE for need in needs_in_place(change)]

    assert documented("in-place.md") == united([*needs, *OPTIONAL])
