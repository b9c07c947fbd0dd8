"""How the kinds of a group that is not part of Kubernetes are described."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """One type, in the form of the official client's models.

    Attributes:
        openapi_types: Field -> type, in the client's words; ``object`` is anything.
        required: The fields that must be there.
    """

    openapi_types: Mapping[str, str]
    required: frozenset[str] = frozenset()

    @property
    def attribute_map(self) -> Mapping[str, str]:
        """Return attribute -> field: the same."""
        return {name: name for name in self.openapi_types}


@dataclass(frozen=True, slots=True)
class CustomGroup:
    """The kinds of one version of a group.

    Attributes:
        group: Name of the group, ``traefik.io``.
        version: Its version, ``v1alpha1``.
        plurals: Kind -> name in URLs; all of them live in namespaces.
        prefix: Begins the names of all models.
        models: Name -> type; ``prefix`` and a kind name the type of that kind's objects.
    """

    group: str
    version: str
    plurals: Mapping[str, str]
    prefix: str
    models: Mapping[str, Model]

    @property
    def group_version(self) -> str:
        """Return the ``apiVersion`` of its objects."""
        return f"{self.group}/{self.version}"
