"""The commands, each imported when it is used: ``harness --help`` and ``--version`` load none of them.

``run --in-place`` is a command of its own, with options and a help of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from harness.cli.help_text import reflow_all, reflowed

#: The name under which the command behind ``run --in-place`` is registered.
IN_PLACE = "run-in-place"
_OPTION = "--in-place"
_HELP = ("--help", "-h")
#: Accept the options of another command and pass them on.
_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


@dataclass(frozen=True, slots=True)
class Entry:
    """A command that is not imported yet.

    Attributes:
        name: Its name.
        home: ``module:name`` of its function, or of the ``Typer`` of its own commands.
        summary: The first paragraph of its help, for the list of commands.
        hidden: Whether it is left out of that list.
        settings: Click's context settings.
    """

    name: str
    home: str
    summary: str
    hidden: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)


#: In the order in which ``--help`` lists them.
ENTRIES = (
    Entry(
        "demo",
        "harness.cli.examples:demo",
        "Run the shipped demo: three configurations, four changes and a control, in about a minute.",
        settings=_PASS_ON,
    ),
    Entry(
        "check",
        "harness.cli.intake:check",
        "Run manifests as they are: traffic, a restart and a deleted pod, with and without the likely remedy.",
        settings=_PASS_ON,
    ),
    Entry(
        "init",
        "harness.cli.intake:init",
        "Write an Experiment for manifests as they are, ready to run and with a comment on each setting.",
    ),
    Entry(
        "run",
        "harness.cli.run:run",
        "Run an Experiment: bring clusters up, keep traffic on them, make the changes, account for every request.",
    ),
    Entry(
        IN_PLACE,
        "harness.cli.inplace:run_in_place_command",
        "Make one change of an application that is running already, under traffic, and account for every request.",
        hidden=True,
    ),
    Entry(
        "undo",
        "harness.cli.undo:undo",
        "Put back what a run in place has left changed: after kill -9, a crash, or an API server that was away.",
    ),
    Entry(
        "migrate",
        "harness.cli.migrate:migrate",
        "Does my application stay lossless when I move to another ingress controller?",
    ),
    Entry(
        "examples",
        "harness.cli.examples:examples",
        "Copy the shipped Experiments, with their workloads and patches, into a new folder to edit.",
    ),
    Entry(
        "validate",
        "harness.cli.validate:validate",
        "Check an Experiment file and all files that it names, and list its cells. Starts nothing.",
    ),
    Entry(
        "schema",
        "harness.cli.schema:schema",
        "Print the JSON Schema of Experiment files, for editors and other programs.",
    ),
    Entry(
        "watch",
        "harness.cli.watch:watch",
        "Keep traffic on any URL until the time is up or Ctrl-C, and account for every single request.",
    ),
    Entry(
        "calibrate",
        "harness.cli.calibrate:calibrate",
        "Prove that the detector reports exactly what was done: no loss hidden, none invented, "
        "none under another name.",
    ),
    Entry(
        "worker",
        "harness.cli.worker:worker",
        "Send a share of a run's traffic from this machine. The run says what, where to, and when.",
    ),
    Entry(
        "analyze",
        "harness.cli.evidence:analyze",
        "Judge a run's evidence again and write verdict.json and the reports; the bytes are the same each time.",
    ),
    Entry(
        "report",
        "harness.cli.evidence:report",
        "Write the reports again from verdict.json.",
    ),
    Entry(
        "export",
        "harness.cli.export:export",
        "Write every attempt as a row: labels instead of codes, times in nanoseconds, the id as it was on the wire.",
    ),
    Entry(
        "cluster",
        "harness.cli.clusters:app",
        "A cluster that stays up until you take it down: for kubectl and for trying things out.",
    ),
    Entry(
        "doctor",
        "harness.cli.doctor:doctor",
        "Look at this machine: limits, ports, nginx, Traefik, kind, Docker, left-over processes. Changes nothing.",
    ),
)


class LazyCommand(TyperCommand):
    """Stands in for a command in the list of commands."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(entry.name, help=entry.summary, hidden=entry.hidden)
        self.entry = entry

    def load(self) -> Any:
        """Import the command; returns it as Click has it."""
        module, _, name = self.entry.home.partition(":")
        found = getattr(import_module(module), name)
        if isinstance(found, typer.Typer):
            found.info.help = reflowed(found.info.help or "")
            reflow_all(found)
            command: Any = typer.main.get_group(found)
            command.name = self.entry.name
            return command
        one = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
        one.command(self.entry.name, hidden=self.entry.hidden, context_settings=dict(self.entry.settings))(found)
        reflow_all(one)
        return typer.main.get_command(one)


class Commands(TyperGroup):
    """All commands."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {entry.name: LazyCommand(entry) for entry in ENTRIES}

    def invoke(self, ctx: Any) -> Any:
        """Run the command.

        Raises:
            RuntimeError: The command met a broken pipe. Typer takes each for one of standard output and exits with 1,
                which means lossy; but standard output does not fail here, so it was another one.
        """
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise RuntimeError("a pipe or a connection broke") from error

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Import the command that the arguments name; returns its name, the command, and the rest of them."""
        given, rest = args[:1], args[1:]
        if given == ["run"] and any(word.partition("=")[0] == _OPTION for word in rest):
            # An option that takes a value would take --help for it.
            return "run", self.load(IN_PLACE), [_HELP[0]] if set(rest) & set(_HELP) else rest
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, LazyCommand) else command, rest

    def load(self, name: str) -> Any:
        """Import a command; returns it as Click has it."""
        command: Any = self.commands[name]
        return command.load()
