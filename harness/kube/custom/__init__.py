"""Kinds that ingress controllers bring along: a module for each group, and one table.

The API client, the check of manifests and the local API server take them from here.
"""

from collections.abc import Mapping

from harness.kube.custom.model import CustomGroup, Model
from harness.kube.custom.traefik import TRAEFIK

GROUPS: tuple[CustomGroup, ...] = (TRAEFIK,)

#: The types of all groups by their names.
MODELS: Mapping[str, Model] = {name: model for group in GROUPS for name, model in group.models.items()}

__all__ = ["GROUPS", "MODELS", "CustomGroup", "Model"]
