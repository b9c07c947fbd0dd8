"""Descriptions of the kinds of an API group that is not part of Kubernetes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """A type, in the form of the official client's models.

    Attributes:
        openapi_types: Field -> type, as in the client's models; ``object`` is any type.
        required: The required fields.
    """

    openapi_types: Mapping[str, str]
    required: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CustomGroup:
    """The kinds of one version of an API group.

    Attributes:
        group: Name of the group: ``traefik.io``.
        version: Its version: ``v1alpha1``.
        plurals: Kind -> name in URLs. All kinds are namespaced.
        prefix: Prefix of the names of all models.
        models: Name -> type. ``prefix`` followed by a kind is the type of that kind's objects.
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
