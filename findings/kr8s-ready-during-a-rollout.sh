#!/usr/bin/env bash
# kr8s: a Deployment is ready() while its rollout has not replaced one pod.
#
# Expected: ready() is what `kubectl rollout status` waits for: all replicas updated, available, old ones gone.
# Happens: it compares readyReplicas with spec.replicas, and the generations. During a rollout with maxUnavailable 0 the old
#   pods keep that number right, so it is True although no new pod is ready, even if the new image can never start.
# Versions: kr8s 0.20.15, seen 2026-11-29.
# Matters: a test that waits for ready() after the change stops its traffic before the first old pod ends, and finds no
#   loss, since nothing has been replaced yet.
# Source: https://docs.kr8s.org, Deployment.ready
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
pips kr8s==0.20.15
expected "one new pod of two made and not ready: False"
"$tmp/venv/bin/python" - "$tmp" <<'PY'
import sys
from pathlib import Path
import kr8s
from fake_api import FakeApi
from kr8s.objects import Deployment
from seen import seen
# The status of a controller with maxSurge 1 and maxUnavailable 0 whose first new pod does not get ready.
status = {"observedGeneration": 7, "replicas": 3, "updatedReplicas": 1, "readyReplicas": 2, "availableReplicas": 2, "unavailableReplicas": 1}
server = FakeApi({
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "default", "generation": 7},
    "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}},
    "status": status,
})
server.write_kubeconfig(Path(sys.argv[1], "kubeconfig"))
deployment = Deployment.get("web", api=kr8s.api(kubeconfig=str(Path(sys.argv[1], "kubeconfig"))))
seen(deployment.ready() is True, "replicas 3, updated 1, ready 2 of 2 wanted: ready() is True")
server.deployment["status"] = {**status, "observedGeneration": 6}
seen(deployment.ready() is False, "before the controller has seen the change: False")
server.deployment["status"] = {**status, "readyReplicas": 3, "availableReplicas": 3, "unavailableReplicas": 0}
seen(deployment.ready() is False, "new pod ready, old one not gone yet, 3 of 2 ready: False")
PY
