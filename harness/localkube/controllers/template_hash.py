"""Telling one pod template from another: which ReplicaSet is a Deployment's current one, and a new one's name."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from harness.localkube.machinery.objects import Object

#: Label that keeps the pods of one template apart from those of another.
HASH_LABEL = "pod-template-hash"
#: What Kubernetes makes of hashes, so that no name spells a word.
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_LENGTH = 10


def template_hash(template: Object) -> str:
    """The hash of a pod template, the same for every way to write the same template."""
    digest = hashlib.sha256(json.dumps(_canonical(template), sort_keys=True).encode()).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:_LENGTH])


def same_template(one: Object, other: Object) -> bool:
    """Whether two templates make the same pods; the hash label that a ReplicaSet's template has does not count."""
    return bool(_canonical(one) == _canonical(other))


def _canonical(template: Object) -> Any:
    metadata = dict(template.get("metadata") or {})
    metadata["labels"] = {k: v for k, v in (metadata.get("labels") or {}).items() if k != HASH_LABEL}
    return _without_empty({**template, "metadata": metadata})


def _without_empty(value: Any) -> Any:
    """Without nulls and empty parts: kubectl's ``rollout undo`` writes some that were never there."""
    if isinstance(value, dict):
        kept = {key: _without_empty(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, {}, [])}
    if isinstance(value, list):
        return [_without_empty(item) for item in value]
    return value
