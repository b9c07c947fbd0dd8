"""Recognise files that people take for manifests, to say what they are and which command reads them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.kube.manifests import CHART

#: Fields by which a file is recognised -> what it is, and the way out.
_FILES: tuple[tuple[frozenset[str], str, str], ...] = (
    (frozenset({"clusters", "contexts", "users"}), "a kubeconfig", "name it with --cluster context --kubeconfig FILE"),
    (frozenset({"workload", "changes"}), "an Experiment", "run it: harness run FILE"),
    (frozenset({"services"}), "a file of Docker Compose", "convert it: kompose convert"),
    (frozenset({"replicaCount"}), "the values of a Helm chart", f"name the folder that has {CHART}"),
    (frozenset({"image", "ingress"}), "the values of a Helm chart", f"name the folder that has {CHART}"),
)


def mistaken_file(value: Any) -> tuple[str, str]:
    """Return what a document without objects is, and the way out; two empty texts if it is not recognised."""
    if isinstance(value, Mapping):
        for fields, what, way in _FILES:
            if fields <= value.keys():
                return what, way
    return "", ""


def mistaken_program(path: Path) -> tuple[str, str]:
    """Return what a file with a program is, and the way out; two empty texts for any other file."""
    if path.suffix != ".py":
        return "", ""
    return "a program", "name the manifests; a locustfile sends the traffic: locust -f FILE, with LosslessUser in it"
