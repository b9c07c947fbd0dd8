"""The custom kinds of ingress controllers: a module for each API group, and one table.

The API client, the check of manifests and the embedded API server use this table.
"""

from collections.abc import Mapping

from harness.kube.custom.model import CustomGroup, Model
from harness.kube.custom.traefik import TRAEFIK

GROUPS: tuple[CustomGroup, ...] = (TRAEFIK,)

#: Name -> type, for all groups.
MODELS: Mapping[str, Model] = {name: model for group in GROUPS for name, model in group.models.items()}

__all__ = ["GROUPS", "MODELS", "CustomGroup", "Model"]
