"""``harness run --in-place``: make one change to an application that is already running, under traffic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.cli.command_line import own_command
from harness.cli.context_options import Context, Kubeconfig, Yes, confirm, context_options
from harness.cli.json_option import AsJson
from harness.cli.metrics_option import Metrics
from harness.cli.option_values import duration_of
from harness.cli.otlp_option import Otlp, check_otlp, send_spans
from harness.cli.progress import choose_progress
from harness.cli.run import show_result
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
from harness.errors import InvalidInputError, Problem
from harness.kit.interruption import Interrupted, shielded
from harness.model.rates import rate_text
from harness.runner.in_place.prepare import InPlaceRequest, PreparedChange, prepare
from harness.runner.in_place.run import left_changed, run_in_place
from harness.runner.in_place.targets import usages
from harness.runner.options import RunOptions

Changed = Annotated[
    str,
    typer.Option(
        "--in-place", metavar="KIND/NAME", help="Object to change: deployment/NAME, service/NAME or ingress/NAME."
    ),
]
Urls = Annotated[
    list[str], typer.Option(metavar="URL", help="URL that gets traffic; repeatable, for several paths of one host.")
]
Namespace = Annotated[
    str, typer.Option("--namespace", "-n", metavar="NAME", help="Namespace of the object. There is no default.")
]
Control = Annotated[
    str, typer.Option(metavar="TIME", help="Length of the control: the same traffic, first, without a change.")
]
Hold = Annotated[
    str, typer.Option(metavar="TIME", help="Time from the moment the change is observed until it is undone.")
]
_CHANGE = f"The change, as in an Experiment but without the object's name: {'; '.join(usages())}."


def run_in_place_command(
    target: Changed,
    change: Annotated[str, typer.Option(metavar="CHANGE", help=_CHANGE)],
    url: Urls,
    namespace: Namespace,
    context: Context = "",
    kubeconfig: Kubeconfig = None,
    yes: Yes = False,
    baseline: Annotated[str, typer.Option(metavar="TIME", help="Length of traffic before the change.")] = "5s",
    settle: Annotated[str, typer.Option(metavar="TIME", help="Length of traffic after the change has settled.")] = "5s",
    control: Control = "10s",
    hold: Hold = "10s",
    rate: RateText = DEFAULTS.rate,
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
    out: Annotated[Path | None, typer.Option(help="Run directory to create.", show_default="below reports/")] = None,
    metrics: Metrics = "",
    otlp: Otlp = "",
    as_json: AsJson = False,
) -> int:
    r"""Make one change to an application that is already running, under traffic, and account for every request.

    Nothing is deployed, installed or removed. A control without a change comes first. If the control or the baseline
    loses a request, the change is not made. The change is undone under traffic, --hold after it was observed, if it can
    be undone; if it can't, the prompt says so. The undo plan is written before the change. Ctrl-C undoes the change at
    once. After a crash, run harness undo DIR.

    The object, the change and your rights are checked before anything starts. docs/reference/rights.md has the Role.
    Then a prompt names cluster, object and change, and asks for confirmation, unless you give --yes. If an autoscaler
    or a GitOps controller changes the object meanwhile, the verdict is inconclusive and names it.

    [bold]Examples[/bold]

      harness run --in-place deployment/shop -n web --context staging --url https://shop.example/ --change restart

      harness run --in-place deploy/shop -n web --context staging --url https://shop.example/ --change scale=5

      harness run --in-place service/shop -n web --url https://shop.example/ --hold 1m \
        --change "selector-patch: {selector: {track: green}, answer: 'green*'}"
    """
    problems: list[Problem] = []
    words = TrafficWords(
        rate=rate, method=method, connections=connections, timeout=timeout, expect_status=expect_status,
        expect_body=expect_body, expect_regex=expect_regex, host=host, ca=ca, insecure=insecure,
        server_name=server_name, header=tuple(header or ()), user=user, no_body=no_body,
    )  # fmt: skip
    request = InPlaceRequest(
        target=target,
        change=change,
        namespace=namespace,
        context=context,
        kubeconfig=str(kubeconfig or ""),
        requests=words.request(url, problems),
        baseline=_at_least_a_second(baseline, "--baseline", problems),
        settle=_at_least_a_second(settle, "--settle", problems),
        control=_at_least_a_second(control, "--control", problems),
        hold=duration_of(hold, "--hold", problems),
    )
    if problems:
        raise InvalidInputError(problems)
    check_otlp(otlp)
    prepared = prepare(request)
    confirm(described(prepared), context_options(context=context, kubeconfig=kubeconfig, entry_url=""), yes=yes)
    options = RunOptions(cluster="in place", out=out, profile="", command=own_command(), traced=bool(otlp))
    return _run(prepared, options, metrics, otlp, as_json=as_json)


def described(prepared: PreparedChange) -> str:
    """Return the text of the prompt: notes on other controllers that may interfere, then the planned change."""
    plan, change = prepared.plan, prepared.change
    notes = [f"note: {note}" for note in plan.notes]
    own = change.own_hold
    stays = f"{own:g} s after it is made" if own else f"{prepared.live.hold:g} s after it is observed"
    undo = f"It is undone {stays}." if change.facts.undoable else f"It has no undo: {change.facts.undo}."
    urls = ", ".join(f"{prepared.origin.url}{route.path}" for route in prepared.experiment.traffic.routes)
    rate = rate_text(prepared.experiment.traffic.rate)
    sentence = f"{change.kind} of {plan.target} in namespace {plan.namespace} while {urls} gets {rate}. {undo}"
    return "\n".join([*notes, sentence, "That is"])


def _at_least_a_second(text: str, option: str, problems: list[Problem]) -> float:
    found = duration_of(text, option, problems)
    if found < 1.0:
        problems.append(Problem(f"{option} {text!r}: expected at least 1s"))
    return found


def _run(prepared: PreparedChange, options: RunOptions, metrics: str, otlp: str, *, as_json: bool) -> int:
    with choose_progress(metrics) as progress:
        try:
            result = run_in_place(prepared, options, progress)
        except Interrupted:
            raise Interrupted("nothing had started yet") from None
    # A signal must not hide what is still changed.
    with shielded():
        send_spans(otlp, result.directory, result.verdict)
        show_result(result, as_json=as_json)
        console = Console(stderr=True, highlight=False)
        for what in left_changed(result.directory):
            console.print(f"STILL CHANGED: {what}", style="bold red", markup=False, soft_wrap=True)
            console.print(f"undo it with: harness undo {result.directory}", markup=False, soft_wrap=True)
    return result.verdict.process_code if result.interrupted else result.exit_code
