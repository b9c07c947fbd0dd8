"""``--help`` of every command says what it does and what its options are."""

from __future__ import annotations

import pytest
from command_line import CommandLine

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

COMMANDS = [
    [],
    ["run"],
    ["validate"],
    ["schema"],
    ["watch"],
    ["calibrate"],
    ["export"],
    ["analyze"],
    ["report"],
    ["doctor"],
    ["cluster"],
    ["cluster", "up"],
    ["cluster", "down"],
    ["cluster", "status"],
    ["cluster", "kubeconfig"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(harness: CommandLine, command: list[str]) -> None:
    """Help goes to stdout with code 0, and has its own sentence."""
    finished = harness.run(*command, "--help")

    assert finished.code == 0, finished.result
    assert "Usage: " in finished.out
    assert len(finished.out.splitlines()) > 4


def test_help_names_the_exit_codes(harness: CommandLine) -> None:
    """A user looks for the exit codes there."""
    out = " ".join(harness.run("--help").out.split())

    assert [code for code in ("0 all cells as expected", "3 inconclusive") if code not in out] == []


def test_the_limits_of_a_local_cluster_are_documented(harness: CommandLine) -> None:
    """The help says which kubectl commands do not work, and which images there are."""
    out = " ".join(harness.run("cluster", "--help").out.split())

    assert [word for word in ("port-forward", "docs/reference/kubectl.md", "http-echo:1.0") if word not in out] == []
