"""Give a real cluster further ingress-nginx controllers, each for the namespaces of one lane of cases.

A controller may sync once in 3.3 s, so cases that share one would wait for each other. Each lane has its own.
"""

from __future__ import annotations

import copy
from typing import Any

from differential.api_answers import Api

#: Label of the namespaces and of the controller's pods of a lane.
LABEL = "lane"
_NAME, _NAMESPACE = "ingress-nginx-controller", "ingress-nginx"
_DEPLOYMENTS = f"/apis/apps/v1/namespaces/{_NAMESPACE}/deployments"
_SERVICES = f"/api/v1/namespaces/{_NAMESPACE}/services"


async def split(api: Api, node_port: int) -> None:
    """Restrict the cluster's controller to lane 1, and add one for lane 2 behind a port of the node.

    Args:
        api: A cluster with the harness's ingress-nginx.
        node_port: A port of the node that the host reaches.
    """
    _, _, found = await api.send("GET", f"{_DEPLOYMENTS}/{_NAME}")
    first, second = _for_lane(found, "1"), _for_lane(found, "2")
    await _sent(api, "DELETE", f"{_DEPLOYMENTS}/{_NAME}", {"propagationPolicy": "Foreground"}, 200)
    for made in (first, second):
        await _sent(api, "POST", _DEPLOYMENTS, made, 201)
    selector = first["spec"]["selector"]["matchLabels"]
    await _sent(api, "PATCH", f"{_SERVICES}/{_NAME}", {"spec": {"selector": selector}}, 200)
    ports = [{"name": "http", "port": 80, "targetPort": "http", "nodePort": node_port}]
    spec = {"type": "NodePort", "selector": second["spec"]["selector"]["matchLabels"], "ports": ports}
    await _sent(api, "POST", _SERVICES, {"metadata": {"name": f"{_NAME}-2"}, "spec": spec}, 201)


def _for_lane(found: dict[str, Any], lane: str) -> dict[str, Any]:
    """Return a controller's Deployment for the namespaces of a lane."""
    spec = copy.deepcopy(found["spec"])
    labels = {**spec["selector"]["matchLabels"], LABEL: lane}
    spec["selector"]["matchLabels"] = spec["template"]["metadata"]["labels"] = labels
    (container,) = spec["template"]["spec"]["containers"]
    container["args"].append(f"--watch-namespace-selector={LABEL}={lane}")
    return {"metadata": {"name": f"{_NAME}-{lane}"}, "spec": spec}


async def _sent(api: Api, method: str, path: str, body: Any, code: int) -> None:
    content = "application/merge-patch+json" if method == "PATCH" else "application/json"
    got, _, answer = await api.send(method, path, body=body, content=content)
    if got != code:
        raise RuntimeError(f"{method} {path}: {answer}")
