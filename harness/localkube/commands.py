"""Commands of a user that run in place of images, as processes of this machine.

Only the settings of a cluster have commands, and an Experiment writes those. A pod names one by its id, so that no
manifest can bring a program along.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

#: Environment variables of a local command: its first port, and the address of its pod.
PORT, POD_IP = "PORT", "POD_IP"
#: An argument that is replaced by all arguments of the container.
ARGS = "$ARGS"

_PLACEHOLDER = re.compile(r"\$(?:(\$)|\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")


@dataclass(frozen=True, slots=True)
class LocalCommand:
    """A program of this machine with its arguments.

    Attributes:
        folder: Its working directory.
        argv: Absolute path of the program, and its arguments with placeholders.
    """

    folder: str
    argv: tuple[str, ...]

    @property
    def id(self) -> str:
        """Return the name by which a pod refers to it."""
        return hashlib.sha256(json.dumps([self.folder, *self.argv]).encode()).hexdigest()[:12]

    @property
    def shown(self) -> str:
        """Return the command as text, with the path of its program relative to the folder if it is inside."""
        program = Path(self.argv[0])
        inside = program.is_relative_to(self.folder)
        return shlex.join([f"./{program.relative_to(self.folder)}" if inside else str(program), *self.argv[1:]])

    def line(self, args: Sequence[str], env: Mapping[str, str]) -> list[str]:
        """Return the program and its arguments.

        ``$NAME`` and ``${NAME}`` are replaced by the variable of that name, ``$$`` by a dollar sign, and the argument
        ``$ARGS`` by ``args``.

        Args:
            args: The arguments of the container.
            env: Its environment.

        Raises:
            ValueError: A variable is not set.
        """
        return [text for each in self.argv for text in (args if each == ARGS else [_replaced(each, env)])]


def _replaced(text: str, env: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[2] or match[3]
        if match[1]:
            return "$"
        if name not in env:
            raise ValueError(f"command: the variable {name} of {text!r} is not set in the container")
        return env[name]

    return _PLACEHOLDER.sub(value, text)


def variables_of(argv: Sequence[str]) -> Iterator[str]:
    """Yield the names of the variables that arguments use."""
    for text in argv:
        if text != ARGS:
            yield from (match[2] or match[3] for match in _PLACEHOLDER.finditer(text) if not match[1])
