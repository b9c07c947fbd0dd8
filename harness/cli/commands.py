"""The table of commands. Each is imported only when it is used, so ``--help`` and ``--version`` are fast.

``run --in-place`` is a separate command with its own options and help.
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
class CommandSpec:
    """A command that is not imported yet: its name, its help in the list, and the place of its code.

    Attributes:
        name: Word on the command line.
        home: ``module:name`` of its function, or of the ``Typer`` with its subcommands.
        summary: First paragraph of its help, for the list of commands.
        hidden: True if the list leaves it out.
        settings: Click's context settings.
    """

    name: str
    home: str
    summary: str
    hidden: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)


#: In the order in which ``--help`` lists them.
COMMANDS = (
    CommandSpec(
        "demo",
        "harness.cli.examples:demo",
        "Run the shipped demo: three configurations, four changes and a control, in about a minute.",
        settings=_PASS_ON,
    ),
    CommandSpec(
        "check",
        "harness.cli.intake:check",
        "Run manifests as they are: traffic, a restart and a deleted pod, with and without the likely remedy.",
        settings=_PASS_ON,
    ),
    CommandSpec(
        "init",
        "harness.cli.intake:init",
        "Write an Experiment for manifests as they are, ready to run and with a comment on each setting.",
    ),
    CommandSpec(
        "run",
        "harness.cli.run:run",
        "Run an Experiment: bring up clusters, send traffic, make the changes, account for every request.",
    ),
    CommandSpec(
        IN_PLACE,
        "harness.cli.inplace:run_in_place_command",
        "Make one change to an application that is already running, under traffic, and account for every request.",
        hidden=True,
    ),
    CommandSpec(
        "undo",
        "harness.cli.undo:undo",
        "Undo what `harness run --in-place` left changed: after kill -9, a crash, or an API server outage.",
    ),
    CommandSpec(
        "migrate",
        "harness.cli.migrate:migrate",
        "Compare two ingress controllers: does my application lose requests after a move from one to the other?",
    ),
    CommandSpec(
        "reproduce",
        "harness.cli.reproduce:reproduce",
        "Run the cells of a bundle again: the same workload, changes and traffic, without any other file.",
    ),
    CommandSpec(
        "compare",
        "harness.cli.compare:compare",
        "Say for each cell whether the second side is better, worse or not shown to differ, beyond chance.",
    ),
    CommandSpec(
        "history",
        "harness.cli.history:app",
        "Keep the results of all runs in a folder, and show the trend of each cell. No server.",
    ),
    CommandSpec(
        "examples",
        "harness.cli.examples:examples",
        "Copy the shipped Experiments, with their workloads and patches, into a new folder to edit.",
    ),
    CommandSpec(
        "validate",
        "harness.cli.validate:validate",
        "Check an Experiment file and all files that it names, and list its cells. Starts nothing.",
    ),
    CommandSpec(
        "schema",
        "harness.cli.schema:schema",
        "Print the JSON Schema of Experiment files, of verdict.json, or of other JSON that a command prints or writes.",
    ),
    CommandSpec(
        "watch",
        "harness.cli.watch:watch",
        "Send traffic to URLs until the time is up or Ctrl-C, and account for every request.",
    ),
    CommandSpec(
        "play",
        "harness.cli.play:play",
        "Start a cluster with traffic. Change it with kubectl, and see on a page which requests each change loses.",
    ),
    CommandSpec(
        "exercise",
        "harness.cli.exercise:exercise",
        "Predict what a change loses, make it, see the measured result, and learn why.",
    ),
    CommandSpec(
        "calibrate",
        "harness.cli.calibrate:calibrate",
        "Prove that the detector reports every known fault exactly: none hidden, none invented, none misnamed.",
    ),
    CommandSpec(
        "worker",
        "harness.cli.worker:worker",
        "Send a share of a run's traffic from this machine. The run decides what is sent, where to, and when.",
    ),
    CommandSpec(
        "analyze",
        "harness.cli.evidence:analyze",
        "Judge a run's evidence again. Writes verdict.json and the reports, with the same bytes each time.",
    ),
    CommandSpec(
        "report",
        "harness.cli.evidence:report",
        "Write the reports again from verdict.json.",
    ),
    CommandSpec(
        "explain",
        "harness.cli.explain:explain",
        "Show the trace of a request: planned, sent, connection, tries, receipts, the events around it and its cause.",
    ),
    CommandSpec(
        "prove",
        "harness.cli.prove:prove",
        "Apply the remedies of a run, and run its lossy cells before and after, side by side.",
    ),
    CommandSpec(
        "export",
        "harness.cli.export:export",
        "Write every attempt of a run or a watch as a CSV row: labels instead of codes, times in nanoseconds.",
    ),
    CommandSpec(
        "annotations",
        "harness.cli.annotations:print_annotations",
        "Print an annotation for each cell that is not as expected, at the line of the manifest that it is about.",
    ),
    CommandSpec(
        "cluster",
        "harness.cli.clusters:app",
        "Start, list and remove clusters that stay up until you remove them, for kubectl and hands-on tests.",
    ),
    CommandSpec(
        "doctor",
        "harness.cli.doctor:doctor",
        "Check this machine: limits, ports, nginx, Traefik, kind, Docker, leftover processes. Changes nothing.",
    ),
)


class LazyCommand(TyperCommand):
    """A placeholder in the list of commands, which imports its command when that is used."""

    def __init__(self, entry: CommandSpec) -> None:
        super().__init__(entry.name, help=entry.summary, hidden=entry.hidden)
        self.entry = entry

    def load(self) -> Any:
        """Import the command and return it as a Click command."""
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
    """The group of all commands, which imports only the one that is used."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {entry.name: LazyCommand(entry) for entry in COMMANDS}

    def invoke(self, ctx: Any) -> Any:
        """Run the command.

        Raises:
            RuntimeError: A pipe broke that is not standard output. Typer would exit with 1 for it, which means lossy.
                Standard output never raises here (``kit/streams.py``).
        """
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise RuntimeError("a pipe or a connection broke") from error

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Import the command that the arguments name. Return its name, the command, and the other arguments."""
        given, rest = args[:1], args[1:]
        if given == ["run"] and any(word.partition("=")[0] == _OPTION for word in rest):
            # Pass on --help alone: --in-place would take it as its value.
            return "run", self.load(IN_PLACE), [_HELP[0]] if set(rest) & set(_HELP) else rest
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, LazyCommand) else command, rest

    def load(self, name: str) -> Any:
        """Import a command and return it as a Click command."""
        command: Any = self.commands[name]
        return command.load()
