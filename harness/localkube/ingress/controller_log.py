"""Write the log of ingress-nginx's container in the controller's own words, for ``kubectl logs``.

Its lines are those of release 1.11 with ``--v=3``, and nginx adds its access log in the controller's default format.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.localkube.ingress.line_file import LineFile
from harness.localkube.machinery.objects import Object

#: The default ``log-format-upstream`` of ingress-nginx.
ACCESS_FORMAT = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" '
    "$request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr "
    "$upstream_response_length $upstream_response_time $upstream_status $req_id"
)

#: Process ID of the controller in its container, and the release whose lines are copied.
_PROCESS, _RELEASE = 7, "v1.11.0"
_BANNER = """-------------------------------------------------------------------------------
NGINX Ingress controller
  Release:       {release}
  Build:         embedded
  Repository:    https://github.com/kubernetes/ingress-nginx
  nginx version: nginx/{nginx}

-------------------------------------------------------------------------------

"""


class KlogFile(LineFile):
    """The log of a controller's container; use it as a context manager.

    Args:
        path: The container's log file; lines are appended.
        clock: Returns seconds since the epoch.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        super().__init__(path)
        self._clock = clock

    def started(self, nginx: str) -> None:
        """Log the start of the controller and of nginx, of the given version."""
        self.append(_BANNER.format(release=_RELEASE, nginx=nginx))
        self._write("I", "nginx.go:271", '"Starting NGINX Ingress controller"')
        self._write("I", "nginx.go:317", '"Starting NGINX process"')

    def initial_sync(self) -> None:
        """Log the first sync."""
        self.reload_required()
        self.reloaded()
        self._write("I", "controller.go:224", '"Initial sync, sleeping for 1 second"')

    def reload_required(self) -> None:
        """Log that a sync needs a reload."""
        self._write("I", "controller.go:193", '"Configuration changes detected, backend reload required"')

    def reloaded(self) -> None:
        """Log that nginx was reloaded."""
        self._write("I", "controller.go:213", '"Backend successfully reloaded"')

    def reload_failed(self, error: str) -> None:
        """Log that nginx rejected a configuration."""
        self._write("E", "controller.go:205", f"Unexpected failure reloading the backend:\n{error}")

    def reconfigured(self) -> None:
        """Log that Lua has the endpoints of a sync."""
        self._write("I", "controller.go:239", "Dynamic reconfiguration succeeded.")

    def unchanged(self) -> None:
        """Log a sync that found no change."""
        self._write("I", "controller.go:186", "No configuration change detected, skipping backend reload")

    def event(self, obj: Mapping[str, object], kind: str, reason: str, message: str) -> None:
        """Log an Event about an object."""
        self._write("I", "event.go:377", f"Event({_reference(obj)}): type: '{kind}' reason: '{reason}' {message}")

    def valid_class(self, ingress: Object) -> None:
        """Log that an Ingress is served since it has the controller's class."""
        ingress_class = (ingress.get("spec") or {}).get("ingressClassName", "")
        name = f"{ingress['metadata'].get('namespace', '')}/{ingress['metadata']['name']}"
        self._write("I", "store.go:440", f'"Found valid IngressClass" ingress="{name}" ingressclass="{ingress_class}"')

    def no_endpoints(self, service: str) -> None:
        """Log that a Service, named with its namespace, has no ready endpoint."""
        self._write("W", "controller.go:1216", f'Service "{service}" does not have any active Endpoint.')

    def publishing(self, ingress: Object, status: object) -> None:
        """Log that an Ingress gets the controller's address."""
        metadata = ingress["metadata"]
        current = ((ingress.get("status") or {}).get("loadBalancer") or {}).get("ingress")
        self._write(
            "I",
            "status.go:304",
            f'"updating Ingress status" namespace="{metadata.get("namespace", "")}" ingress="{metadata["name"]}" '
            f"currentValue={json.dumps(current)} newValue={json.dumps(status, separators=(',', ':'))}",
        )

    def _write(self, severity: str, source: str, text: str) -> None:
        """Write a line in klog's format: severity and date, time, process, source."""
        now = self._clock()
        micro = f"{int(now % 1 * 1e6):06d}"
        stamp = time.strftime("%m%d %H:%M:%S", time.gmtime(now))
        self.append(f"{severity}{stamp}.{micro} {_PROCESS:>7} {source}] {text}\n")


def _reference(obj: Mapping[str, object]) -> str:
    """Return an object reference as Go prints it."""
    metadata = obj.get("metadata")
    meta: Mapping[str, object] = metadata if isinstance(metadata, Mapping) else {}
    fields = {
        "Kind": obj.get("kind", ""),
        "Namespace": meta.get("namespace", ""),
        "Name": meta.get("name", ""),
        "UID": meta.get("uid", ""),
        "APIVersion": obj.get("apiVersion", ""),
        "ResourceVersion": meta.get("resourceVersion", ""),
        "FieldPath": "",
    }
    return "v1.ObjectReference{" + ", ".join(f'{name}:"{value}"' for name, value in fields.items()) + "}"
