"""Rights in the Kubernetes API: what the harness must be allowed to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Right:
    """Verbs on one resource.

    Attributes:
        group: API group; empty for the core group.
        resource: Plural, with a subresource where one is meant: ``pods/log``.
        verbs: In the order in which a Role lists them.
        why: What they are for, for people.
    """

    group: str
    resource: str
    verbs: tuple[str, ...]
    why: str = ""
