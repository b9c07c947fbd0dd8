"""Rights in the Kubernetes API that the harness needs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

#: Verbs in the order in which a Role lists them.
_VERBS = ("create", "get", "list", "watch", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Right:
    """Verbs on one resource.

    Attributes:
        group: API group; empty for the core group.
        resource: Plural name, with a subresource if needed: ``pods/log``.
        verbs: Verbs in the order in which a Role lists them.
        why: Purpose of these rights, for the documentation.
    """

    group: str
    resource: str
    verbs: tuple[str, ...]
    why: str = ""


def united(rights: Iterable[Right]) -> tuple[Right, ...]:
    """Return one right for each resource, with all verbs and reasons, sorted by group and resource."""
    verbs: dict[tuple[str, str], set[str]] = defaultdict(set)
    reasons: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for right in rights:
        verbs[right.group, right.resource] |= set(right.verbs)
        reasons[right.group, right.resource] |= {right.why: None} if right.why else {}
    return tuple(
        Right(*key, tuple(sorted(verbs[key], key=_VERBS.index)), "; ".join(reasons[key])) for key in sorted(verbs)
    )
