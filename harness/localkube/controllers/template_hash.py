"""Compare and hash pod templates, to find a Deployment's current ReplicaSet and to name a new one."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from harness.localkube.machinery.objects import Object

#: Label that separates the pods of one template from those of another.
HASH_LABEL = "pod-template-hash"
#: Alphabet in which Kubernetes encodes hashes; without vowels, so that no name spells a word.
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_LENGTH = 10


def template_hash(template: Object) -> str:
    """Return the hash of a pod template; equivalent templates have the same hash."""
    digest = hashlib.sha256(json.dumps(_canonical(template), sort_keys=True).encode()).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:_LENGTH])


def same_template(one: Object, other: Object) -> bool:
    """Return True if two templates create the same pods; a ReplicaSet's hash label is ignored."""
    return bool(_canonical(one) == _canonical(other))


def _canonical(template: Object) -> Any:
    metadata = dict(template.get("metadata") or {})
    metadata["labels"] = {k: v for k, v in (metadata.get("labels") or {}).items() if k != HASH_LABEL}
    return _without_empty({**template, "metadata": metadata})


def _without_empty(value: Any) -> Any:
    """Remove nulls and empty parts; kubectl's ``rollout undo`` adds some that were not there before."""
    if isinstance(value, dict):
        kept = {key: _without_empty(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, {}, [])}
    if isinstance(value, list):
        return [_without_empty(item) for item in value]
    return value
