"""``harness play``: a cluster to change by hand, under traffic, with a page that shows the cost of each change."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Console

from harness.cli.json_option import AsJson, print_json
from harness.cli.kind_options import Image, Images, KubeProxy, NodeImage, kind_options
from harness.cli.watch_progress import leave_at_once
from harness.errors import ExitCode, InvalidInputError, Problem
from harness.kit import interruption
from harness.kit.interruption import nap
from harness.model.controllers import CONTROLLERS, DEFAULT, controller_facts
from harness.play.applications import APPLICATIONS
from harness.play.cards import Card
from harness.play.counting import NS
from harness.play.session import TICK, PlaySession, SessionRequest, SessionResult, run_session
from harness.report import terminal
from harness.report.outputs import PlayOutput, SessionChangeOutput, SessionOutput
from harness.report.watch import document
from harness.report.watch_json import summary
from harness.report.written_files import fields_of
from harness.runner.images import read_images

Ingress = Annotated[str, typer.Option(help="Ingress controller: ingress-nginx or traefik.")]
Kind = Annotated[str, typer.Option("--cluster", help="Kind of cluster: local or kind.")]
PagePort = Annotated[
    int, typer.Option(min=0, max=65535, help="Port of the page on 127.0.0.1.", show_default="any free one")
]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Do not open the page in a browser.")]
Shell = Annotated[bool, typer.Option("--shell", help="Open a shell with KUBECONFIG set. The session ends with it.")]
Out = Annotated[Path | None, typer.Option(help="Run directory to create.", show_default="below reports/")]
Rate = Annotated[float, typer.Option(min=1, max=1000, help="Requests per second.")]


def play(
    application: Annotated[str, typer.Argument(help=f"Application: {', '.join(APPLICATIONS)}, or none.")] = "fruit",
    ingress: Ingress = DEFAULT.word,
    cluster: Kind = "local",
    rate: Rate = 50.0,
    port: PagePort = 0,
    no_browser: NoBrowser = False,
    shell: Shell = False,
    out: Out = None,
    kube_proxy: KubeProxy = "iptables",
    node_image: NodeImage = "",
    image: Image = None,
    images: Images = None,
    as_json: AsJson = False,
) -> int:
    """Start a cluster with traffic. Change it with kubectl, and see on a page which requests each change loses.

    Each request is sent exactly once and accounted for. The page shows each change in words, and its verdict once the
    cluster has settled. Ctrl-C ends the session; the report stays.

    Exit code: 0 the session ended in order; 2 invalid input; 4 a part failed, or the evidence could not be saved.

    [bold]Examples[/bold]

      harness play

      harness play versions --ingress traefik --shell
    """
    check_controller(ingress)
    options = cluster_options(cluster, kube_proxy, node_image, read_images(image or [], images))
    if application != "none" and application not in APPLICATIONS:
        known = ", ".join((*APPLICATIONS, "none"))
        raise InvalidInputError([Problem(f"there is no application {application!r}", hint=f"one of {known}")])
    chosen = APPLICATIONS.get(application) or APPLICATIONS["fruit"]
    workload = () if application == "none" else chosen.manifests(controller_facts(ingress).ingress_class)
    request = SessionRequest(
        name=f"play-{application}",
        title=f"harness play: {chosen.title}",
        routes=chosen.routes,
        workload=workload,
        ingress=ingress,
        cluster=cluster,
        options=options,
        rate=rate,
        port=port,
        out=out,
        command=shlex.join(["harness", *sys.argv[1:]]),
    )
    console = Console(stderr=as_json, highlight=False)
    with interruption.deferred(leave_at_once):
        result = run_session(
            request,
            lambda text: console.print(f"  {text}", markup=False),
            lambda session: follow(session, console, shell=shell, as_json=as_json),
            announce=lambda url: announce(console, url, browser=not no_browser),
        )
    show_end(console, result)
    code = exit_code_of(result)
    if as_json:
        print_json(PlayOutput(exit_code=code, **fields_of(session_output(result))))
    return code


def exit_code_of(result: SessionResult) -> int:
    """Return 0, or 4 if the evidence could not be saved. Losses are no failure: a session is there to show them."""
    return int(ExitCode.HARNESS_FAILED if result.watch.unkept else ExitCode.AS_EXPECTED)


def session_output(result: SessionResult) -> SessionOutput:
    """Return the changes of a session and the account of its traffic, for ``--json``."""
    directory = str(result.watch.directory)
    changes = tuple(_change(card, result.board.origin) for card in result.board.cards)
    return SessionOutput(directory=directory, changes=changes, watch=summary(result.watch.verdict, directory))


def _change(card: Card, origin: int) -> SessionChangeOutput:
    return SessionChangeOutput(
        number=card.number,
        changes=tuple(text for _, text in card.changes),
        begin_s=round((card.begin - origin) / NS, 3),
        end_s=round((card.end - origin) / NS, 3) if card.end else None,
        verdict=card.verdict.value if card.verdict else None,
        doubts=card.doubts,
        sent=card.totals.sent,
        ok=card.totals.ok,
        lost=dict(card.totals.lost),
        lost_total=card.totals.lost_total,
        unknown=card.totals.unknown,
        cut=card.cut,
        unfinished_rollout=card.unfinished_rollout,
        cause=card.cause,
        remedy=card.remedy,
    )


def follow(session: PlaySession, console: Console, *, shell: bool, as_json: bool = False) -> None:
    """Keep a session going until Ctrl-C, or until the shell ends."""
    show_access(console, session)
    child = open_shell(session.kubeconfig, session.entry_url, sys.stderr if as_json else sys.stdout) if shell else None
    while child is None or child.poll() is None:
        session.tick()
        nap(TICK)


def announce(console: Console, url: str, *, browser: bool) -> None:
    """Print the page's address, and open it."""
    console.print(f"page: {url}", markup=False, soft_wrap=True)
    if browser and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        webbrowser.open(url)


def show_access(console: Console, session: PlaySession) -> None:
    """Print the lines to paste into another terminal."""
    console.print("In another terminal:", markup=False)
    console.print(f"  export KUBECONFIG={session.kubeconfig}", markup=False, soft_wrap=True)
    console.print(f"  export U={session.entry_url}", markup=False, soft_wrap=True)
    console.print("Ctrl-C ends the session.", markup=False)


def show_end(console: Console, result: SessionResult) -> None:
    """Print each change with its verdict, the account of all requests, and the report's path."""
    for card in result.board.cards:
        verdict = card.verdict or "not settled"
        lost = f"{card.totals.lost_total} of {card.totals.sent} lost"
        text = "; ".join(text for _, text in card.changes)
        console.print(f"{card.number}. {text}: {verdict}, {lost}, {card.cut} cut", markup=False, soft_wrap=True)
    console.print(terminal.render(document(result.watch.verdict)))
    if result.watch.unkept:
        console.print(f"The evidence could not be saved: {result.watch.unkept}", style="red", markup=False)
        return
    console.print(f"session: {result.watch.directory / 'session.html'}", markup=False, soft_wrap=True)
    console.print(f"report: {result.watch.directory / 'index.html'}", markup=False, soft_wrap=True)


def open_shell(kubeconfig: Path, url: str, output: TextIO) -> subprocess.Popen[bytes]:
    """Start the user's shell with ``KUBECONFIG`` and ``U`` set. Its standard output is the given stream."""
    program = os.environ.get("SHELL") or "/bin/sh"
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "U": url}
    return subprocess.Popen([program], env=environment, stdout=output.fileno())


def check_controller(ingress: str) -> None:
    """Refuse a controller that does not exist, and the word ``none``.

    Raises:
        InvalidInputError: With the names of all controllers.
    """
    if controller_facts(ingress).address is None:
        known = ", ".join(word for word, facts in CONTROLLERS.items() if facts.address is not None)
        problem = Problem(f"there is no ingress controller {ingress!r} to play with", hint=f"one of {known}")
        raise InvalidInputError([problem])


def cluster_options(cluster: str, kube_proxy: str, node_image: str, images: Mapping[str, str]) -> dict[str, str]:
    """Return the options of a kind of cluster.

    Raises:
        InvalidInputError: The kind is neither ``local`` nor ``kind``.
    """
    if cluster not in {"local", "kind"}:
        raise InvalidInputError([Problem(f"no session runs on {cluster!r}", hint="one of local, kind")])
    if cluster == "local":
        return {}
    return kind_options(kube_proxy=kube_proxy, node_image=node_image, images=images)
