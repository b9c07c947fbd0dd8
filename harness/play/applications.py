"""The applications that a session can begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.kit.shipped import shipped
from harness.model.experiment import Manifest, Route


@dataclass(frozen=True, slots=True)
class PlayApplication:
    """An application with the paths that get traffic.

    Attributes:
        title: Title of the page.
        folder: Folder of its manifests, below the shipped Experiments.
        routes: Paths that get traffic, with the answers that are right on them.
    """

    title: str
    folder: str
    routes: tuple[Route, ...]

    def manifests(self, ingress_class: str) -> tuple[Manifest, ...]:
        """Return its objects, with their Ingresses in a class."""
        found = load_manifests(shipped("experiments") / self.folder)
        return tuple(with_class(one, ingress_class) for one in found)


#: The applications by the word on the command line.
APPLICATIONS: Mapping[str, PlayApplication] = {
    "fruit": PlayApplication("apple and banana", "apps/apple-banana", (Route("/apple"), Route("/banana"))),
    "versions": PlayApplication(
        "apple in two versions", "apps/apple-two-versions", (Route("/apple", regex="apple-v"),)
    ),
}


def load_manifests(path: Path) -> tuple[Manifest, ...]:
    """Return the objects of a YAML file, or of all files of a folder in the order of their names."""
    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    return tuple(one for file in files for one in yaml.safe_load_all(file.read_text(encoding="utf-8")) if one)


def with_class(manifest: Manifest, ingress_class: str) -> Manifest:
    """Return a manifest; an Ingress as one of this class."""
    if manifest.get("kind") != "Ingress":
        return manifest
    spec: dict[str, Any] = {**manifest["spec"], "ingressClassName": ingress_class}
    return {**manifest, "spec": spec}
