"""``harness watch``: send traffic to URLs while you change something by hand, and account for every request."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.cli.command_line import own_command
from harness.cli.json_option import AsJson, print_json
from harness.cli.metrics_option import Metrics
from harness.cli.option_values import duration_of
from harness.cli.otlp_option import Otlp, check_otlp, send_spans
from harness.cli.traffic_options import (
    DEFAULTS,
    Authorities,
    Connections,
    ExpectBody,
    ExpectRegex,
    ExpectStatus,
    HostName,
    Insecure,
    Login,
    Methods,
    NoBody,
    RateText,
    RequestHeaders,
    ServerName,
    Timeout,
    TrafficWords,
)
from harness.cli.watch_progress import choose_watch_progress, leave_at_once
from harness.errors import InvalidInputError, Problem
from harness.kit import interruption
from harness.model.counted import KeepOk
from harness.report import terminal
from harness.report.watch import document
from harness.report.watch_json import summary
from harness.runner.watch.request import origins_of
from harness.runner.watch.running import WatchResult, run_watch

SealEvery = Annotated[
    str, typer.Option(metavar="TIME", help="How often to seal what was recorded so far, for the case of a power cut.")
]
KeepAnswers = Annotated[
    KeepOk,
    typer.Option(
        help="Right answers to keep far from any loss: all, a sample (1 in 100), or none. The others are counted."
    ),
]


def watch(
    urls: Annotated[
        list[str], typer.Argument(metavar="URL…", help="http:// or https:// URLs. Several get traffic in turn.")
    ],
    rate: RateText = DEFAULTS.rate,
    seconds: Annotated[
        str,
        typer.Option("--for", metavar="TIME", help="Length of the watch: 30s, 5m, 1h.", show_default="until Ctrl-C"),
    ] = "",
    method: Methods = DEFAULTS.method,
    connections: Connections = DEFAULTS.connections,
    timeout: Timeout = DEFAULTS.timeout,
    expect_status: ExpectStatus = "",
    expect_body: ExpectBody = None,
    expect_regex: ExpectRegex = "",
    host: HostName = "",
    ca: Authorities = None,
    insecure: Insecure = False,
    server_name: ServerName = "",
    header: RequestHeaders = None,
    user: Login = "",
    no_body: NoBody = False,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Sender processes for each host and port.")] = 1,
    seal_every: SealEvery = "10m",
    keep_ok: KeepAnswers = KeepOk.ALL,
    out: Annotated[Path | None, typer.Option(help="Run directory to create.", show_default="below reports/")] = None,
    metrics: Metrics = "",
    otlp: Otlp = "",
    as_json: AsJson = False,
) -> int:
    """Send traffic to URLs until the time is up or Ctrl-C, and account for every request.

    Run it in a second terminal while you change something by hand in the first one. It needs no cluster. Each request
    is sent exactly once, on a schedule that does not wait for answers. Nothing else is sent.

    The first Ctrl-C stops new requests, waits for answers under way, prints the result, and exits with the verdict's
    code. SIGTERM and SIGHUP do the same. A second Ctrl-C or SIGTERM ends the command at once.

    Exit code: 0 nothing lost; 1 a request was lost; 2 invalid input; 3 inconclusive (nothing was sent, the sender fell
    behind or was killed, an answer is unknown …); 4 the evidence could not be saved; 130 after a second Ctrl-C, 143
    after a second SIGTERM.

    [bold]Examples[/bold]

      harness watch http://127.0.0.1:8080/apple

      harness watch https://shop.example/ https://shop.example/cart --rate 200 --for 5m --method GET,POST

      harness watch https://10.0.0.7/ --host shop.example --ca ca.pem --expect-status 200 --expect-regex 'v[12]'

      harness watch https://shop.example/ --header @headers.txt --user anna:pear

      harness watch http://127.0.0.1:8080/ --for 30s --json | jq .outages
    """
    problems: list[Problem] = []
    words = TrafficWords(
        rate=rate, method=method, connections=connections, timeout=timeout, expect_status=expect_status,
        expect_body=expect_body, expect_regex=expect_regex, host=host, ca=ca, insecure=insecure,
        server_name=server_name, header=tuple(header or ()), user=user, no_body=no_body,
    )  # fmt: skip
    request = words.request(urls, problems)
    length = duration_of(seconds, "--for", problems) if seconds else 0.0
    sealed = duration_of(seal_every, "--seal-every", problems)
    if keep_ok is not KeepOk.ALL and workers > 1:
        hint = "leave one of them out: one process sends thousands of requests a second"
        problems.append(Problem(f"--keep-ok {keep_ok} needs the ledger of one process, not of {workers}", hint=hint))
    if problems:
        raise InvalidInputError(problems)
    check_otlp(otlp)
    origins = origins_of(request)
    with interruption.deferred(leave_at_once):
        with choose_watch_progress(metrics) as progress:
            result = run_watch(
                request.urls, origins, progress, out=out, seconds=length, workers=workers,
                command=own_command(), traced=bool(otlp), seal_every=sealed, keep_ok=keep_ok,
            )  # fmt: skip
        send_spans("" if result.unkept else otlp, result.directory, result.verdict)
        show(result, as_json=as_json)
    return result.exit_code


def show(result: WatchResult, *, as_json: bool) -> None:
    """Print the result and the report's path. With ``--json``, print one object on stdout and the rest on stderr."""
    console = Console(stderr=as_json, highlight=False)
    console.print(terminal.render(document(result.verdict)))
    if result.unkept:
        console.print(f"The evidence could not be saved: {result.unkept}", style="red", markup=False, soft_wrap=True)
    else:
        console.print(f"report: {result.directory / 'index.html'}", soft_wrap=True, markup=False)
    if as_json:
        print_json(summary(result.verdict, str(result.directory)))
