"""Routes of a shared cluster that another namespace has already.

Of two Ingresses with the same class, host and path, a controller serves one, by its age or at random. The requests of a
trial would reach the other application, and every change of its own would look lossless.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.errors import HarnessError
from harness.kube.api import KubeApi, Object
from harness.kube.manifests import ingress_class_of, name_of
from harness.model.experiment import Manifest

_CANARY = "nginx.ingress.kubernetes.io/canary"


def refuse_taken_routes(kube: KubeApi, manifests: Sequence[Manifest], namespace: str) -> None:
    """Check that no Ingress of another namespace has a route of the workload.

    Args:
        kube: The API server.
        manifests: The workload.
        namespace: Its namespace.

    Raises:
        HarnessError: One has; the message names the Ingress and the route.
    """
    wanted = {route for each in manifests if each.get("kind") == "Ingress" for route in _routes(each)}
    if not wanted:
        return
    for ingress in kube.list("Ingress", ""):
        home = ingress["metadata"].get("namespace", "")
        for route in _routes(ingress) if home != namespace else ():
            if route in wanted:
                _, host, path = route
                raise HarnessError(
                    f"Ingress {name_of(ingress)} in namespace {home} already routes {host}{path}: "
                    "the requests could reach its application instead of the workload.",
                    hint="Give the workload's rules a host of their own, or remove that Ingress.",
                )


def _routes(ingress: Manifest | Object) -> Iterator[tuple[str, str, str]]:
    """Yield class, host and path of each rule. A canary adds to the rules of an Ingress in its own namespace."""
    annotations = ingress["metadata"].get("annotations") or {}
    if annotations.get(_CANARY) == "true":
        return
    for rule in (ingress.get("spec") or {}).get("rules") or ():
        for path in (rule.get("http") or {}).get("paths") or ():
            yield ingress_class_of(ingress), str(rule.get("host") or ""), str(path.get("path") or "/")
