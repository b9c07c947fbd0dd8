"""Running applications for tests that change them in place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from command_line import ROOT

from harness.kube.strategic import strategic_merge

EXPERIMENTS = ROOT / "experiments"


def apple_and_banana(*patches: str) -> Iterator[dict[str, Any]]:
    """Return the shipped manifests, with these patches in apple's Deployment from the start: no rollout runs."""
    given = [yaml.safe_load((EXPERIMENTS / "patches" / name).read_text()) for name in patches]
    for file in sorted((EXPERIMENTS / "apps" / "apple-banana").glob("*.yaml")):
        for one in filter(None, yaml.safe_load_all(file.read_text())):
            made = one
            for patch in given if (one["kind"], one["metadata"]["name"]) == ("Deployment", "apple") else ():
                made = strategic_merge(made, patch)
            yield made
