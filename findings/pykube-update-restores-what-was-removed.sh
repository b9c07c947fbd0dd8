#!/usr/bin/env bash
# pykube-ng: update() cannot remove anything; it puts removed keys and list items back.
#
# Expected: `del obj["metadata"]["annotations"]["x"]; deployment.update()` removes the annotation.
# Happens: update() merges the object as it was read over the edited one and sends the result as a merge patch. Removed
#   keys, and an emptied list of variables, are in the patch again with their old values; no error. A key that is set to
#   None is removed.
# Versions: pykube-ng 23.6.0, seen 2026-11-29.
# Matters: an undo that removes an annotation, a canary weight or a variable reports success and changes nothing: the
#   cluster stays in the state under test, and the next trial starts from it.
# Source: https://codeberg.org/hjacobs/pykube-ng
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
pips pykube-ng==23.6.0
expected "the patch removes the annotation and the variables"
"$tmp/venv/bin/python" - "$tmp" <<'PY'
import sys
from pathlib import Path
import pykube
from fake_api import FakeApi
from seen import seen
container = {"name": "c", "image": "app:1", "env": [{"name": "MODE", "value": "canary"}]}
api = FakeApi({
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "default", "annotations": {"keep": "1", "canary-weight": "50"}},
    "spec": {"replicas": 2, "template": {"spec": {"containers": [container]}}},
})
api.write_kubeconfig(Path(sys.argv[1], "kubeconfig"))
client = pykube.HTTPClient(pykube.KubeConfig.from_file(str(Path(sys.argv[1], "kubeconfig"))))

def edit():
    deployment = pykube.Deployment.objects(client).get(name="web")
    return deployment, deployment.obj["metadata"]["annotations"], deployment.obj["spec"]["template"]["spec"]["containers"][0]

deployment, annotations, edited = edit()
del annotations["canary-weight"]
edited["env"] = []
edited["image"] = "app:2"
deployment.update()
kind, body = api.patches[-1]
sent = body["spec"]["template"]["spec"]["containers"][0]
seen("merge-patch" in kind and sent["image"] == "app:2", f"a merge patch with the new image: {kind}")
seen(body["metadata"]["annotations"].get("canary-weight") == "50", "the removed annotation is sent with its old value")
seen(sent["env"] == [{"name": "MODE", "value": "canary"}], "the emptied list is sent with its old item")
deployment, annotations, _ = edit()
annotations["canary-weight"] = None
deployment.update()
seen(api.patches[-1][1]["metadata"]["annotations"].get("canary-weight", "") is None, "a key set to None is sent as null, which removes it")
PY
