"""Which programs play the ingress controller of a cluster; only those that are asked for are imported."""

from __future__ import annotations

from collections.abc import Mapping

from harness.localkube.system.runtime import Play


def plays_of(ingress: str) -> Mapping[str, Play]:
    """The players by the names of their applications (``harness.localkube.kubelet.images``)."""
    if ingress == "none":
        return {}
    if ingress == "ingress-nginx":
        from harness.localkube.ingress.controller import run_ingress  # noqa: PLC0415 - see above

        return {"ingress-nginx": run_ingress}
    from harness.localkube.traefik.controller import run_traefik  # noqa: PLC0415 - see above

    return {"traefik": run_traefik}
