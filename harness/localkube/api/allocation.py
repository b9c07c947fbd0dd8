"""Assign cluster IPs and node ports to Services, as the real server does on creation."""

from __future__ import annotations

from harness.localkube.machinery.objects import Object

_NODE_PORTS = range(30000, 32768)


class Allocator:
    """Assigns each address and node port once in the cluster's lifetime; nothing listens on them."""

    def __init__(self) -> None:
        self._addresses = 0
        self._ports = iter(_NODE_PORTS)

    def allocate(self, service: Object, old: Object | None) -> None:
        """Fill in the fields that the server chooses, in place; keep the values that the Service had before."""
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
