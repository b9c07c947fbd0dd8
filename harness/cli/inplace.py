"""``harness run --in-place``: one change of an application that is running already, while its traffic is watched."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.cli.context_options import Context, Kubeconfig, Yes, confirm, context_options
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
    Methods,
    RateText,
    ServerName,
    Timeout,
    TrafficWords,
)
from harness.cli.words import duration_of
from harness.errors import InvalidInputError, Problem
from harness.kit.interruption import Interrupted
from harness.model.rates import rate_text
from harness.runner.in_place.prepare import InPlaceRequest, PreparedChange, prepare
from harness.runner.in_place.run import left_changed, run_in_place
from harness.runner.in_place.targets import usages
from harness.runner.options import RunOptions

_CHANGE = f"As in an Experiment, without the object's name: {'; '.join(usages())}."


def run_in_place_command(
    target: Annotated[
        str, typer.Option("--in-place", metavar="KIND/NAME", help="deployment/NAME, service/NAME or ingress/NAME.")
    ],
    change: Annotated[str, typer.Option(metavar="CHANGE", help=_CHANGE)],
    url: Annotated[
        list[str], typer.Option(metavar="URL", help="What users ask for; repeat it for several paths of one host.")
    ],
    namespace: Annotated[str, typer.Option("--namespace", "-n", metavar="NAME", help="Where it is; never guessed.")],
    context: Context = "",
    kubeconfig: Kubeconfig = None,
    yes: Yes = False,
    baseline: Annotated[str, typer.Option(metavar="TIME", help="Traffic before the change.")] = "5s",
    settle: Annotated[str, typer.Option(metavar="TIME", help="Traffic after everything has come to rest.")] = "5s",
    control: Annotated[
        str, typer.Option(metavar="TIME", help="Before all that: as much traffic, and nothing is changed.")
    ] = "10s",
    hold: Annotated[
        str, typer.Option(metavar="TIME", help="How long a change stays once it was seen, before it is put back.")
    ] = "10s",
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
    out: Annotated[Path | None, typer.Option(help="Run directory to create.", show_default="below reports/")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary of the verdict as JSON on stdout.")] = False,
) -> int:
    r"""Make one change of an application that is running already, under traffic, and account for every request.

    Nothing else is touched: nothing is deployed, installed or removed. First comes a control, in which nothing is
    changed; if that, or the baseline, loses a request, the change is not made. Whatever can be put back is put back
    under traffic, --hold after it was seen. The undo plan is written before the change; Ctrl-C puts it back at once,
    and after a crash harness undo DIR does. A change that has no undo says so before you are asked.

    Everything is checked before anything starts: the object, the change, the rights (the Role is in
    docs/reference/rights.md).
    Then cluster, object and change are named, and you are asked; --yes answers. An autoscaler or a GitOps controller
    that changes the object meanwhile makes the verdict inconclusive, and is named.

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
        server_name=server_name,
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
    prepared = prepare(request)
    confirm(described(prepared), context_options(context=context, kubeconfig=kubeconfig, entry_url=""), yes=yes)
    return _run(prepared, RunOptions(cluster="in place", out=out, profile="", command=_command()), as_json=as_json)


def described(prepared: PreparedChange) -> str:
    """What will be done, for the question whether it shall be: notes on who else may interfere, then one sentence."""
    plan, change = prepared.plan, prepared.change
    notes = [f"note: {note}" for note in plan.notes]
    own = change.own_hold
    stays = f"{own:g} s after it is made" if own else f"{prepared.live.hold:g} s after it is seen"
    undo = f"It is put back {stays}." if change.facts.undoable else f"It has no undo: {change.facts.undo}."
    urls = ", ".join(f"{prepared.origin.url}{route.path}" for route in prepared.experiment.traffic.routes)
    rate = rate_text(prepared.experiment.traffic.rate)
    sentence = f"{change.kind} of {plan.target} in namespace {plan.namespace} while {urls} gets {rate}. {undo}"
    return "\n".join([*notes, sentence, "That is"])


def _at_least_a_second(text: str, option: str, problems: list[Problem]) -> float:
    found = duration_of(text, option, problems)
    if found < 1.0:
        problems.append(Problem(f"{option} {text!r}: expected at least 1s"))
    return found


def _command() -> str:
    return shlex.join(["harness", *sys.argv[1:]])


def _run(prepared: PreparedChange, options: RunOptions, *, as_json: bool) -> int:
    with choose_progress() as progress:
        try:
            result = run_in_place(prepared, options, progress)
        except Interrupted:
            raise Interrupted("nothing had begun yet") from None
    show_result(result, as_json=as_json)
    console = Console(stderr=True, highlight=False)
    for what in left_changed(result.directory):
        console.print(f"STILL CHANGED: {what}", style="bold red", markup=False, soft_wrap=True)
        console.print(f"put it back with: harness undo {result.directory}", markup=False, soft_wrap=True)
    return result.verdict.process_code if result.interrupted else result.exit_code
