"""Replaces image names of the manifests, for machines that can't pull and for registry mirrors."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from harness.errors import InvalidInputError, Problem
from harness.model.experiment import Cell, Experiment, Manifest

PULL_POLICIES = ("Always", "IfNotPresent", "Never")


def read_images(words: list[str], file: Path | None) -> dict[str, str]:
    """Return the replacements given by ``--image NAME=REF`` and ``--images FILE``; a ``--image`` takes precedence.

    Raises:
        InvalidInputError: Lists every fault of both.
    """
    problems: list[Problem] = []
    found = _from_file(file, problems) if file else {}
    for word in words:
        name, _, ref = word.partition("=")
        if not name or not ref:
            problems.append(Problem(f"--image {word!r}: expected NAME=REF", hint="hashicorp/http-echo:1.0=my/echo:1.0"))
        found[name] = ref
    if problems:
        raise InvalidInputError(problems)
    return found


def _from_file(file: Path, problems: list[Problem]) -> dict[str, str]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        problems.append(Problem(f"can't be read: {error}", str(file)))
        return {}
    if not isinstance(content, dict):
        problems.append(Problem("expected lines of the form NAME: REF", str(file)))
        return {}
    wrong = [str(name) for name, ref in content.items() if not isinstance(ref, str)]
    problems += [Problem(f"{name}: expected the name of an image", str(file)) for name in wrong]
    return {str(name): ref for name, ref in content.items() if isinstance(ref, str) and ref}


def with_images(experiment: Experiment, images: Mapping[str, str], pull_policy: str = "") -> Experiment:
    """Return the Experiment with its workload's images replaced, in its manifests and in its changes.

    Args:
        experiment: The Experiment as the user wrote it.
        images: New image by image name of the manifest.
        pull_policy: Policy for all containers of the workload; empty keeps each container's own.

    Raises:
        InvalidInputError: The pull policy does not exist.
    """
    if pull_policy and pull_policy not in PULL_POLICIES:
        problem = Problem(f"there is no pull policy {pull_policy!r}", hint=f"one of {', '.join(PULL_POLICIES)}")
        raise InvalidInputError([problem])
    if not images and not pull_policy:
        return experiment
    return replace(experiment, cells=tuple(_cell(cell, images, pull_policy) for cell in experiment.cells))


def manifest_with_images(manifest: Manifest, images: Mapping[str, str]) -> Manifest:
    """Return an object with its containers' images replaced, or unchanged if its containers can't be read."""
    try:
        return _manifest(manifest, images, "") if images else manifest
    except (AttributeError, KeyError, TypeError):
        return manifest


def _cell(cell: Cell, images: Mapping[str, str], pull_policy: str) -> Cell:
    manifests = tuple(_manifest(manifest, images, pull_policy) for manifest in cell.configuration.manifests)
    return replace(
        cell,
        configuration=replace(cell.configuration, manifests=manifests),
        change=cell.change.with_images(images),
    )


def _manifest(manifest: Manifest, images: Mapping[str, str], pull_policy: str) -> Manifest:
    changed: dict[str, Any] = deepcopy(dict(manifest))
    pod = changed.get("spec", {}).get("template", {}).get("spec", {})
    for container in (*pod.get("initContainers", ()), *pod.get("containers", ())):
        container["image"] = images.get(container["image"], container["image"])
        if pull_policy:
            container["imagePullPolicy"] = pull_policy
    return changed
