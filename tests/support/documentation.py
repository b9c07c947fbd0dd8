"""The pages of the documentation, for tests that compare them with the code."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from harness.testing.role_bound_api import Grant, grants_of

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def page(name: str) -> str:
    """Return the text of a page, named relative to ``docs``."""
    return (DOCS / name).read_text(encoding="utf-8")


def documented_role(kind: str) -> frozenset[Grant]:
    """Return the grants of the one documented Role of a kind: ``Role`` or ``ClusterRole``."""
    blocks = re.findall(r"```yaml\n(.*?)```", page("reference/rights.md"), re.DOTALL)
    (role,) = [role for role in map(yaml.safe_load, blocks) if role["kind"] == kind]
    return grants_of(role)
