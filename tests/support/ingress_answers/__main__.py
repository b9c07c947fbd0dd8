"""``python -m ingress_answers record|verdicts|page``: ask the real ingress-nginx, or write the tables of the page.

``verdicts kind`` and ``verdicts local`` take further options of ``harness run``.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.localkube.addresses import take_block
from harness.localkube.api.server import serve_at
from harness.localkube.kubeconfig import write_kubeconfig
from harness.localkube.machinery.client import ApiClient
from harness.localkube.machinery.resources import CONFIGMAPS, INGRESSCLASSES, PODS
from harness.localkube.system.manifests import class_of
from harness.localkube.system.programs import INGRESS_NGINX
from ingress_answers import verdicts
from ingress_answers.asking import Answers, Front, answers, lines_of, workload
from ingress_answers.page import PAGE, RECORDED, page, recorded

_FRONT = Front("127.0.0.1", 18080, 18443)
_NAME = "harness-ingress-answers"


async def record(folder: Path) -> Answers:
    """Return the answers of the real controller, which reads the objects from an embedded API server."""
    with take_block() as held:
        async with (
            serve_at(held.block.node_address, folder / "pods") as url,
            ApiClient(url, "record") as client,
        ):
            namespace = INGRESS_NGINX.address.namespace
            container = {"name": "controller", "image": INGRESS_NGINX.image}
            pod = {"metadata": {"name": _NAME, "labels": {"app": _NAME}}, "spec": {"containers": [container]}}
            await client.create(PODS, pod, namespace)
            await client.create(CONFIGMAPS, {"metadata": {"name": INGRESS_NGINX.address.settings}}, namespace)
            await client.create(INGRESSCLASSES, class_of(INGRESS_NGINX))
            async with workload(client, held.block, folder):
                kubeconfig = folder / "kubeconfig"
                write_kubeconfig(kubeconfig, "record", url)
                with _controller(kubeconfig, folder / "controller.log"):
                    return await answers(_FRONT, client)


@contextmanager
def _controller(kubeconfig: Path, log: Path) -> Iterator[None]:
    """Run the controller's image on this machine's network, with Docker."""
    image, names = os.environ.get("LAB_INGRESS_IMAGE", INGRESS_NGINX.image), INGRESS_NGINX.address
    ports = {"http": _FRONT.port, "https": _FRONT.tls_port, "status": 18246, "stream": 18247, "default-server": 18181}
    argv = [
        *("docker", "run", "--rm", "--name", _NAME, "--network", "host", "-v", f"{kubeconfig}:/kubeconfig:ro"),
        *("-e", f"POD_NAME={_NAME}", "-e", f"POD_NAMESPACE={names.namespace}", image),
        *("/nginx-ingress-controller", "--kubeconfig=/kubeconfig", "--healthz-port=18254", "--ingress-class=nginx"),
        *(f"--configmap={names.namespace}/{names.settings}", "--publish-status-address=127.0.0.1"),
        *(f"--{name}-port={port}" for name, port in ports.items()),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(argv, stdout=output, stderr=output)
        try:
            yield
        finally:
            subprocess.run(["docker", "rm", "--force", _NAME], check=False, capture_output=True)
            process.wait(60)


def main() -> None:
    """Do what the first argument says."""
    if sys.argv[1:] == ["record"]:
        with tempfile.TemporaryDirectory(prefix="ingress-answers-") as folder:
            RECORDED.write_text(lines_of(asyncio.run(record(Path(folder)))), encoding="utf-8")
    elif sys.argv[1:] == ["page"]:
        PAGE.write_text(page(recorded(), verdicts.recorded()), encoding="utf-8")
    elif sys.argv[1:2] == ["verdicts"] and sys.argv[2:3] in (["kind"], ["local"]):
        with tempfile.TemporaryDirectory(prefix="ingress-verdicts-") as folder:
            verdicts.keep(sys.argv[2], verdicts.record(sys.argv[2], Path(folder), sys.argv[3:]))
    elif sys.argv[1:] == ["show"]:
        sys.stdout.write(json.dumps(recorded(), indent=1))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
