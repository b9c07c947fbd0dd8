"""Implement server-side apply for one manager per field: merge, and remove fields that the manager dropped.

A real server tracks the owner of every field and rejects a change to another manager's field. This one keeps the last
manifest of each manager, and removes a field that the next manifest no longer has. It does not detect conflicts between
managers.
"""

from __future__ import annotations

from typing import Any

from harness.kube.strategic import MERGE_KEYS, strategic_merge
from harness.localkube.machinery.objects import Object


class AppliedManifests:
    """The last manifest of each manager, by the object's uid."""

    def __init__(self) -> None:
        self._applied: dict[tuple[str, str], Object] = {}

    def merged(self, live: Object, manifest: Object, manager: str) -> Object:
        """Return the live object with a manager's manifest applied."""
        before = self._applied.get((live["metadata"]["uid"], manager), {})
        removal = _removal(before, manifest, "")
        return strategic_merge(strategic_merge(live, removal), manifest)

    def remember(self, uid: str, manifest: Object, manager: str) -> None:
        """Keep a manifest as the manager's last one."""
        self._applied[uid, manager] = manifest


def _removal(before: Object, after: Object, field: str) -> Object:
    """Return a strategic merge patch that deletes what ``after`` lacks of ``before``; ``field`` contains both."""
    patch: Object = {}
    for name, old in before.items():
        if name not in after:
            patch[name] = None
            continue
        new = after[name]
        if isinstance(old, dict) and isinstance(new, dict):
            below: Any = _removal(old, new, name)
        else:
            below = _missing_items(old, new, name, MERGE_KEYS.get((field, name)))
        if below:
            patch[name] = below
    return patch


def _missing_items(old: Any, new: Any, field: str, key: str | None) -> list[Object]:
    if key is None or not isinstance(old, list) or not isinstance(new, list):
        return []
    current = {item.get(key): item for item in new}
    patch: list[Object] = []
    for item in old:
        if item.get(key) not in current:
            patch.append({"$patch": "delete", key: item.get(key)})
        elif below := _removal(item, current[item.get(key)], field):
            patch.append({key: item.get(key), **below})
    return patch
