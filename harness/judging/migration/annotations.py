"""Finds annotations of a workload that the source controller reads and the target ignores.

A controller ignores unknown annotations silently, so a migration reports them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.model.controllers import controller_facts, reads_annotation, replacement_of
from harness.model.migration import DifferenceCode, MigrationDifference


def ignored_annotations(
    manifests: Iterable[Mapping[str, Any]], source: str, target: str
) -> tuple[MigrationDifference, ...]:
    """Return the annotations that only the source reads, each once, with their Ingresses."""
    where: dict[tuple[str, str], set[str]] = {}
    for name, value, ingress in _annotations(manifests):
        if reads_annotation(source, name) and not reads_annotation(target, name):
            where.setdefault((name, value), set()).add(ingress)
    return tuple(_difference(name, value, sorted(found), target) for (name, value), found in sorted(where.items()))


def _annotations(manifests: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    for manifest in manifests:
        if manifest.get("kind") == "Ingress":
            metadata = manifest.get("metadata") or {}
            for name, value in (metadata.get("annotations") or {}).items():
                yield str(name), str(value), str(metadata.get("name", ""))


def _difference(name: str, value: str, ingresses: list[str], target: str) -> MigrationDifference:
    replacement, variant = replacement_of(target, name), controller_facts(target).variant
    return MigrationDifference(
        DifferenceCode.ANNOTATION,
        {
            "annotation": name,
            "value": value,
            "ingresses": ", ".join(ingresses),
            "about": replacement.about,
            "instead": replacement.instead,
            "provider": bool(variant) and reads_annotation(variant, name),
        },
    )
