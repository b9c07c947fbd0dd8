"""Gives Services their addresses and node ports, as the real server does when they are created."""

from __future__ import annotations

from harness.localkube.machinery.objects import Object

_NODE_PORTS = range(30000, 32768)


class Allocator:
    """Numbers that are given once in the cluster's life; nothing listens at them."""

    def __init__(self) -> None:
        self._addresses = 0
        self._ports = iter(_NODE_PORTS)

    def allocate(self, service: Object, old: Object | None) -> None:
        """Fill in what the server chooses, in place; what the Service had before is kept."""
        spec, before = service["spec"], (old or {}).get("spec", {})
        if spec["type"] == "ExternalName":
            return
        if not spec.get("clusterIP"):
            spec["clusterIP"] = before.get("clusterIP") or self._address()
        spec["clusterIPs"] = [spec["clusterIP"]]
        if spec["type"] in {"NodePort", "LoadBalancer"}:
            known = {port["port"]: port.get("nodePort") for port in before.get("ports") or [] if "port" in port}
            for port in spec.get("ports") or []:
                port["nodePort"] = port.get("nodePort") or known.get(port.get("port")) or next(self._ports)

    def _address(self) -> str:
        self._addresses += 1
        return f"10.96.{self._addresses // 254}.{self._addresses % 254 + 1}"
