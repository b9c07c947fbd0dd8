"""Which command a command line means: ``run --in-place`` is one of its own, with options and a help of its own."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

#: How the command behind ``run --in-place`` is registered.
IN_PLACE = "run-in-place"
_OPTION = "--in-place"
_HELP = ("--help", "-h")


class Commands(TyperGroup):
    """All commands."""

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
        """The command that the arguments name, how it is called, and the rest of them."""
        given, rest = args[:1], args[1:]
        if given != ["run"] or not any(word.partition("=")[0] == _OPTION for word in rest):
            return super().resolve_command(ctx, args)
        # An option that takes a value would take --help for it.
        return "run", self.get_command(ctx, IN_PLACE), [_HELP[0]] if set(rest) & set(_HELP) else rest
