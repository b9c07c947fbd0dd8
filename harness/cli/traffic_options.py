"""Options for requests to a URL, shared by ``watch`` and ``run --in-place``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.cli.command_line import headers_of, without_login
from harness.cli.option_values import duration_of, rate_of, words_of
from harness.errors import HarnessError, Problem
from harness.model.attempt import Method
from harness.model.shapes import DEFAULT_SHAPES, SHAPES, Shape
from harness.runner.watch.request import STATUSES, WatchRequest

_PANEL = "Requests and expected answers"

#: Connection shapes that work with any application.
_SHAPES = {shape.word: shape for shape, facts in SHAPES.items() if not facts.needs_application}
#: The same, with an example time for shapes that wait before each use.
_EXAMPLES = [f"{word}=5s" if SHAPES[shape].waits else word for word, shape in _SHAPES.items()]
_METHODS = {method.name: method for method in Method}
#: The value of ``--rate`` that leaves the choice to the harness.
AUTO = "auto"
_STATUSES = {str(status): status for status in STATUSES}
_RATE = (
    "Requests per second over all URLs: 50, 50/s, 600/m; or a ramp, as in an Experiment:"
    " '{from: 50/s, to: 500/s, over: 30s}'; or auto: 60 % of what this machine can send."
)

RateText = Annotated[str, typer.Option(metavar="R", help=_RATE, rich_help_panel=_PANEL)]
Methods = Annotated[
    str,
    typer.Option(
        metavar="GET,POST", help="Methods, used in turn: " + ", ".join(_METHODS) + ".", rich_help_panel=_PANEL
    ),
]
Connections = Annotated[
    str,
    typer.Option(
        metavar="new,reused",
        help=f"Connections, used in turn: {', '.join(_EXAMPLES)}. A time is how long the connection waits unused.",
        rich_help_panel=_PANEL,
    ),
]
RequestHeaders = Annotated[
    list[str] | None,
    typer.Option(
        "--header",
        metavar="'NAME: VALUE'",
        help="Header of each request; repeatable. Its value is never stored. @FILE reads headers from a file, one per"
        " line, and keeps them out of the list of processes.",
        rich_help_panel=_PANEL,
    ),
]
Login = Annotated[
    str,
    typer.Option(
        "--user",
        metavar="NAME:PASSWORD",
        help="Basic authentication; never stored. A URL with NAME:PASSWORD@ is the same.",
        rich_help_panel=_PANEL,
    ),
]
NoBody = Annotated[
    bool,
    typer.Option(
        "--no-body",
        help="Send POST, PUT and PATCH without a body; proxies repeat some of these.",
        rich_help_panel=_PANEL,
    ),
]
Timeout = Annotated[
    str, typer.Option(metavar="TIME", help="Timeout of a request, including connecting.", rich_help_panel=_PANEL)
]
ExpectStatus = Annotated[
    str,
    typer.Option(
        metavar="200,204", help="Statuses that count as success.", show_default="any 2xx", rich_help_panel=_PANEL
    ),
]
ExpectBody = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT", help="Required body, compared without white space at its ends.", rich_help_panel=_PANEL
    ),
]
ExpectRegex = Annotated[
    str,
    typer.Option(
        metavar="RE", help="Regular expression that must match somewhere in the body.", rich_help_panel=_PANEL
    ),
]
HostName = Annotated[
    str,
    typer.Option(
        "--host", metavar="NAME", help="Host header to send instead of the URL's host.", rich_help_panel=_PANEL
    ),
]
Authorities = Annotated[
    Path | None,
    typer.Option(
        "--ca",
        metavar="FILE",
        help="PEM file with the certificate authorities to trust for https.",
        rich_help_panel=_PANEL,
    ),
]
Insecure = Annotated[bool, typer.Option("--insecure", help="Accept any server certificate.", rich_help_panel=_PANEL)]
ServerName = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Server name for TLS (SNI), also used to check the certificate.",
        rich_help_panel=_PANEL,
    ),
]


@dataclass(frozen=True, slots=True)
class TrafficWords:
    """The values of these options as text. Its defaults are theirs."""

    rate: str = "50"
    method: str = "GET"
    connections: str = ",".join(shape.word for shape in DEFAULT_SHAPES)
    timeout: str = "2s"
    expect_status: str = ""
    expect_body: str | None = None
    expect_regex: str = ""
    host: str = ""
    ca: Path | None = None
    insecure: bool = False
    server_name: str = ""
    header: tuple[str, ...] = ()
    user: str = ""
    no_body: bool = False

    def request(self, urls: Sequence[str], problems: list[Problem]) -> WatchRequest:
        """Return the requests to send to ``urls``. Adds invalid values to ``problems``."""
        shapes = _shapes_of(self.connections, problems)
        statuses = words_of(self.expect_status, "--expect-status", _STATUSES, problems) if self.expect_status else ()
        is_automatic = self.rate == AUTO
        request = WatchRequest(
            urls=tuple(map(without_login, urls)),
            rate=1.0 if is_automatic else rate_of(self.rate, "--rate", problems),
            methods=tuple(_METHODS[name] for name in words_of(self.method.upper(), "--method", _METHODS, problems)),
            shapes=tuple(shapes),
            durations={shape: seconds for shape, seconds in shapes.items() if seconds},
            timeout=duration_of(self.timeout, "--timeout", problems),
            statuses=tuple(map(int, statuses)),
            body=self.expect_body,
            regex=self.expect_regex,
            host=self.host,
            ca=self.ca,
            insecure=self.insecure,
            server_name=self.server_name,
            headers=headers_of(self.header, self.user, urls, problems),
            has_body=not self.no_body,
        )
        return replace(request, rate=automatic_rate()) if is_automatic and not problems else request


def _shapes_of(text: str, problems: list[Problem]) -> dict[Shape, float]:
    """Return the shapes in ``new,idle=5s``, each with its time in seconds; 0 if it has none."""
    option = "--connections"
    times = dict(item.strip().partition("=")[::2] for item in text.split(","))
    found = {}
    for word in words_of(",".join(item.partition("=")[0] for item in text.split(",")), option, _SHAPES, problems):
        shape, time = _SHAPES[word], times[word]
        found[shape] = duration_of(time, f"{option} {word}", problems) if time else 0.0
        if time and not SHAPES[shape].waits:
            problems.append(Problem(f"{option} {word} takes no time: these connections do not wait before their use"))
    return found


def automatic_rate() -> float:
    """Return the rate of ``--rate auto``. Measure what this machine can send, unless that is known.

    Raises:
        HarnessError: The measurement failed, or this machine is too busy to send anything in time.
    """
    from harness.runner.load import measure_load, remembered_load  # noqa: PLC0415 - for this value alone

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    measured = remembered_load()
    if measured is None:
        console.print("measuring for 10 s what this machine can send")
        measured = measure_load()
    if not measured.rate:
        raise HarnessError(
            f"--rate auto: {measured.text}.", hint="Give a rate, or measure again: harness doctor --load"
        )
    console.print(f"--rate auto: {measured.automatic}/s, as this machine can send {measured.text}", markup=False)
    return float(measured.automatic)


DEFAULTS = TrafficWords()
