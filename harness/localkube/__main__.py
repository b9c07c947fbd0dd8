"""Start a cluster in the foreground: ``python -m harness.localkube``.

It imports only ``kit``, ``kube`` and ``errors`` from the harness, so that it can be used and tested alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from harness.errors import ExitCode, HarnessError
from harness.kit import interruption
from harness.kit.interruption import Interrupted
from harness.kit.processes import ManagedProcess
from harness.kit.waiting import wait_until
from harness.localkube.addresses import free_port, take_block
from harness.localkube.kubeconfig import write_kubeconfig
from harness.localkube.profiles import PROFILES
from harness.localkube.settings import ENTRY_PORT, TLS_PORT, NodeSettings
from harness.localkube.system.programs import INGRESS_PROGRAMS

#: Longest time for the API server to answer, in seconds.
API_SECONDS = 90.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a cluster until Ctrl-C; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        with interruption.handled(), ExitStack() as stack:
            _run(options, stack)
    except Interrupted:
        return ExitCode.AS_EXPECTED
    except HarnessError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return ExitCode.HARNESS_FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m harness.localkube",
        description="Start a small Kubernetes cluster in the foreground; Ctrl-C stops it.",
    )
    parser.add_argument(
        "--ingress",
        choices=(*INGRESS_PROGRAMS, "none"),
        default="none",
        help="ingress controller to run (default: none)",
    )
    parser.add_argument(
        "--profile",
        choices=sorted(PROFILES),
        default="kind",
        help="delay profile of the cluster's components (default: kind)",
    )
    return parser


def _run(options: argparse.Namespace, stack: ExitStack) -> None:
    """Start the cluster, print its addresses, and wait until it ends or a signal arrives."""
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="localkube-")))
    (directory / "logs").mkdir()
    program = INGRESS_PROGRAMS.get(options.ingress)
    found = program.find(_say) if program is not None else None
    held = stack.enter_context(take_block())
    settings = NodeSettings(
        name="localkube",
        directory=directory,
        block=held.block,
        profile=options.profile,
        seed=0,
        ingress=options.ingress,
        nginx=found.nginx if found is not None else None,
        entry_port=free_port(held.block.ingress_address, ENTRY_PORT),
        tls_port=free_port(held.block.ingress_address, TLS_PORT),
    )
    config, log = directory / "config.json", directory / "logs" / "node.log"
    settings.write(config)
    argv = [sys.executable, "-P", "-m", "harness.localkube.node", str(config)]
    node = stack.enter_context(ManagedProcess.start(argv, name="localkube", log=log, pass_fds=(held.fileno(),)))

    def url() -> str:
        if not node.alive():
            raise HarnessError("The cluster's process has ended.", detail=log.read_text(errors="replace"))
        return str(json.loads(settings.ready_file.read_bytes())["url"]) if settings.ready_file.exists() else ""

    address = wait_until(url, timeout=API_SECONDS, what="the API server to answer", interval=0.02)
    write_kubeconfig(directory / "kubeconfig", settings.name, address)
    _say(f"export KUBECONFIG={directory / 'kubeconfig'}")
    if program is not None:
        _say(f"# the ingress answers at http://{settings.block.ingress_address}:{settings.entry_port}")
    _say("# Ctrl-C stops the cluster")
    wait_until(lambda: not node.alive(), timeout=float("inf"), what="the end of the cluster", interval=0.2)
    raise HarnessError("The cluster's process has ended.", detail=log.read_text(errors="replace"))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
