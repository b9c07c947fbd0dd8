"""``kubectl``: a command of the user's."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile
from typing import Annotated, Any, ClassVar

from pydantic import Field

from harness.experiment.changes.context import CheckContext
from harness.experiment.changes.schema import ChangeSchema, Text
from harness.experiment.quantities import Duration
from harness.experiment.schema import default_of
from harness.kit.located_yaml import Place
from harness.model.changes import Kubectl
from harness.problem_codes import ProblemCode

_ELSEWHERE = "could lead to another cluster or user"
_OTHER_NAMESPACES = "would leave the namespace of the trial"
#: What is wrong with an option.
_OPTIONS: Mapping[str, str] = {
    **dict.fromkeys(
        ("--kubeconfig", "--context", "--cluster", "--server", "-s", "--user", "--token", "--username", "--password"),
        _ELSEWHERE,
    ),
    **dict.fromkeys(("--as", "--as-group", "--as-uid"), _ELSEWHERE),
    **dict.fromkeys(("--namespace", "-n", "--all-namespaces", "-A"), _OTHER_NAMESPACES),
}
#: What is wrong with a command.
_COMMANDS: Mapping[str, str] = {
    **dict.fromkeys(("cordon", "uncordon", "drain", "taint"), "would change the node for the trials after this one"),
    **dict.fromkeys(("edit", "port-forward", "proxy", "attach"), "does not end by itself"),
    "config": "would change the kubeconfig of the trial",
}


class KubectlSchema(ChangeSchema):
    """``kubectl``."""

    list_field: ClassVar[str] = "command"
    command: Annotated[list[Text], Field(min_length=1)] = Field(
        description="the words after `kubectl`; a list in place of the map is the command alone"
    )
    timeout: Duration = Field(
        default=default_of(Kubectl, "timeout"), description="time after which the command is killed"
    )

    def fields(self) -> dict[str, Any]:
        """Return the fields of the record."""
        return {**super().fields(), "command": tuple(self.command)}


def check(spec: Kubectl, place: Place, context: CheckContext) -> None:
    """Refuse options that lead elsewhere, and commands that do not end or that outlive the trial."""
    own = tuple(takewhile(lambda word: word != "--", spec.command))
    command = next((word for word in own if not word.startswith("-")), "")
    found = [(word, _OPTIONS.get(_option(word), "")) for word in own]
    for word, why in (*found, (f"kubectl {command}", _COMMANDS.get(command, ""))):
        if why:
            hint = "the command runs on the cluster and in the namespace of the trial; drain is a change of its own"
            context.add(ProblemCode.CHANGE_NOT_ALLOWED, (*place, "command"), f"{word} {why}", hint)


def _option(word: str) -> str:
    """Return the option that a word gives, without its value; a short one may have it attached."""
    return word[:2] if word.startswith("-") and not word.startswith("--") else word.partition("=")[0]
