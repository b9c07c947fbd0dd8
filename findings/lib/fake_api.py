"""Serve one Deployment as a Kubernetes API server would, and keep the bodies of the patches."""

import http.server
import json
import threading
from pathlib import Path
from typing import Any

PATH = "/apis/apps/v1/namespaces/default/deployments"
RESOURCE = {
    "name": "deployments",
    "singularName": "deployment",
    "namespaced": True,
    "kind": "Deployment",
    "verbs": ["get", "list", "patch"],
}


class FakeApi:
    """A server with one Deployment; `patches` holds (content type, body) of each PATCH, oldest first."""

    def __init__(self, deployment: dict[str, Any]) -> None:
        self.deployment = deployment
        self.patches: list[tuple[str, Any]] = []
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._send(api.read(self.path.partition("?")[0].rstrip("/")))

            def do_PATCH(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                api.patches.append((self.headers["Content-Type"], body))
                self._send(api.deployment)

            def _send(self, value: dict[str, Any]) -> None:
                data = json.dumps(value).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                """Stay silent."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def read(self, path: str) -> dict[str, Any]:
        """Return the object for a path: the Deployment, its list, or discovery."""
        if path == "/version":
            return {"major": "1", "minor": "34", "gitVersion": "v1.34.0"}
        if path == PATH:
            return {"apiVersion": "apps/v1", "kind": "DeploymentList", "metadata": {}, "items": [self.deployment]}
        if path.startswith(PATH + "/"):
            return self.deployment
        if path == "/apis":
            version = {"groupVersion": "apps/v1", "version": "v1"}
            group = {"name": "apps", "versions": [version], "preferredVersion": version}
            return {"kind": "APIGroupList", "groups": [group]}
        if path == "/apis/apps/v1":
            return {"kind": "APIResourceList", "groupVersion": "apps/v1", "resources": [RESOURCE]}
        return {"kind": "APIResourceList", "groupVersion": "v1", "resources": [], "versions": ["v1"]}

    def write_kubeconfig(self, path: Path) -> None:
        """Write a kubeconfig (JSON, which is YAML too) for this server."""
        context = {"cluster": "c", "user": "u", "namespace": "default"}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": self.url}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "contexts": [{"name": "x", "context": context}],
            "current-context": "x",
        }
        path.write_text(json.dumps(config))
