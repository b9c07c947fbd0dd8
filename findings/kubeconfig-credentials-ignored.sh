#!/usr/bin/env bash
# Kubeconfigs: Python clients send requests without the credentials of the kubeconfig, and ignore its user to impersonate.
#
# Expected: the same as with kubectl: no request if the credential plugin fails; a token file may end with a newline;
#   `as` sends Impersonate-User.
# Happens: the official Python client logs the plugin's failure and sends the request without credentials. It and
#   kubernetes_asyncio refuse to send the token of a file that ends with a newline. kr8s and pykube-ng ignore tokenFile
#   and send nothing. The two official clients ignore `as`: the request has the rights of the caller.
# Versions: kubernetes 37.0.2, kubernetes_asyncio 36.1.0, kr8s 0.20.15, lightkube 1.0.1, pykube-ng 23.6.0,
#   seen 2026-11-29.
# Matters: a check of access that was tried in another user's name passes with the caller's rights, and an expired login
#   looks like a cluster that forbids, or that shows what it shows to everybody.
# Source: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/ (AuthInfo)
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
pips kubernetes==37.0.2 kubernetes_asyncio==36.1.0 kr8s==0.20.15 lightkube==1.0.1 pykube-ng==23.6.0
expected "every client sends what kubectl would send, or nothing"
cd "$tmp"
"$tmp/venv/bin/python" - <<'PY'
import asyncio, http.server, json, logging, pathlib, threading
import yaml
from seen import seen

logging.disable(logging.CRITICAL)
requests = []


class Server(http.server.BaseHTTPRequestHandler):
    """Answers everything with an empty list, and keeps the headers."""

    def do_GET(self):
        requests.append(self.headers)
        body = json.dumps({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [], "versions": ["v1"]})
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()


def official():
    from kubernetes import client, config
    config.load_kube_config("kubeconfig")
    client.CoreV1Api().list_namespaced_pod("default")


def official_asyncio():
    from kubernetes_asyncio import client, config

    async def ask():
        await config.load_kube_config("kubeconfig")
        async with client.ApiClient() as api:
            await client.CoreV1Api(api).list_namespaced_pod("default")
    asyncio.run(ask())


def with_kr8s():
    import kr8s
    list(kr8s.api(kubeconfig="kubeconfig").get("pods", namespace="default"))


def with_lightkube():
    from lightkube import Client, KubeConfig
    from lightkube.resources.core_v1 import Pod
    list(Client(config=KubeConfig.from_file("kubeconfig")).list(Pod, namespace="default"))


def with_pykube():
    import pykube
    list(pykube.Pod.objects(pykube.HTTPClient(pykube.KubeConfig.from_file("kubeconfig"))).filter(namespace="default"))


def sent(ask, **user):
    """The headers of the first request with this user; None if the client sent none."""
    requests.clear()
    pathlib.Path("kubeconfig").write_text(yaml.safe_dump({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "u", "user": user}],
    }))
    try:
        ask()
    except Exception:
        pass
    return requests[0] if requests else None


plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "false", "interactiveMode": "Never"}
got = sent(official, exec=plugin)
seen(got is not None and "Authorization" not in got, "kubernetes: the plugin fails, and a request leaves without credentials")
seen(sent(official_asyncio, exec=plugin) is None, "kubernetes_asyncio: the plugin fails, and nothing is sent")

pathlib.Path("token").write_text("abc\n")
path = str(pathlib.Path("token").absolute())
seen(sent(official, tokenFile=path) is None, "kubernetes: a token file that ends with a newline, and nothing is sent")
seen(sent(official_asyncio, tokenFile=path) is None, "kubernetes_asyncio: the same")
seen(sent(with_lightkube, tokenFile=path)["Authorization"] == "Bearer abc", "lightkube: sends the token without the newline")
for name, ask in (("kr8s", with_kr8s), ("pykube-ng", with_pykube)):
    got = sent(ask, tokenFile=path)
    seen(got is not None and "Authorization" not in got, f"{name}: tokenFile is ignored, and a request leaves without it")

impersonating = {"token": "abc", "as": "viewer"}
for name, ask in (("kubernetes", official), ("kubernetes_asyncio", official_asyncio)):
    got = sent(ask, **impersonating)
    seen(
        got["Authorization"] == "Bearer abc" and "Impersonate-User" not in got,
        f"{name}: `as` is ignored, and the request has the caller's rights",
    )
PY
