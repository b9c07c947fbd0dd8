"""Routes of a shared cluster that another namespace has already.

Of two Ingresses with the same host and path, a controller serves one, by its age or at random. The requests of a trial
could reach the other application. Then every change of the trial's application would look lossless.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.controllers.registry import is_share
from harness.errors import HarnessError
from harness.kube.api import KubeApi, Object
from harness.kube.ingresses import class_of, paths_of
from harness.kube.manifests import name_of
from harness.model.experiment import Manifest


def refuse_taken_routes(kube: KubeApi, manifests: Sequence[Manifest], namespace: str) -> None:
    """Check that no Ingress of another namespace has a route of the workload.

    Args:
        kube: The API server.
        manifests: The workload.
        namespace: Its namespace.

    Raises:
        HarnessError: One has; the message names the Ingress and the route.
    """
    wanted: dict[tuple[str, str], set[str]] = {}
    for each in manifests:
        for route in _routes(each) if each.get("kind") == "Ingress" else ():
            wanted.setdefault(route, set()).add(class_of(each))
    if not wanted:
        return
    for ingress in kube.list("Ingress", ""):
        home = ingress["metadata"].get("namespace", "")
        for host, path in _routes(ingress) if home != namespace else ():
            if _may_meet(class_of(ingress), wanted.get((host, path), set())):
                raise HarnessError(
                    f"Ingress {name_of(ingress)} in namespace {home} already routes {host}{path}: "
                    "the requests could reach its application instead of the workload.",
                    hint="Give the workload's rules a host of their own, or remove that Ingress.",
                )


def _routes(ingress: Manifest | Object) -> Iterator[tuple[str, str]]:
    """Yield host and path of each rule; none of an Ingress that takes a share of another's requests."""
    if not is_share(ingress):
        yield from ((host, str(entry.get("path") or "/")) for host, entry in paths_of(ingress))


def _may_meet(word: str, others: set[str]) -> bool:
    """Return True if one controller may serve Ingresses of this class and of one of the others, or of no class."""
    return bool(others) if not word else not others.isdisjoint({"", word})
