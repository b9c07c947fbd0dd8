"""The Role in the documentation is the list that is asked for."""

from __future__ import annotations

from pathlib import Path

import yaml

from harness.clusters.context.access import NEEDS

DOCUMENT = Path(__file__).parents[3] / "docs" / "clusters.md"


def test_documented_role_is_what_is_needed() -> None:
    """Whoever grants it can run, and grants no more."""
    role = yaml.safe_load(DOCUMENT.read_text().split("```yaml\n")[1].split("```")[0])
    granted = {(rule["apiGroups"][0], rule["resources"][0]): set(rule["verbs"]) for rule in role["rules"]}

    assert granted == {(need.group, need.resource): set(need.verbs) for need in NEEDS}
