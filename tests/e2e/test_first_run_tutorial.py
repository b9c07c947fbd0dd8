"""The commands of the tutorial work as it says: each is run, and its output compared with the page's.

Numbers differ from run to run and shift the borders of tables, so numbers, borders and line breaks are not compared.
Exit codes are, and so is every 0 but that of hidden requests: it stands for nothing lost.

A busy machine adds findings about its sender to a lossy cell, and they are not compared either. A run that has a cell
that the machine starved says so, and is run again.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import CommandLine
from documentation import page
from starved import MEASUREMENTS

NUMBER = re.compile(r"(?<!exit code )(?<![\d.,])(?!0(?![\d.]))\d+(?:,\d{3})*(?:\.\d+)?")
BLOCK = re.compile(r"^```(console|yaml)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
#: A line of progress. Trials end in any order.
ENDED = re.compile(r"^\[\d+/\d+\] .*$", re.MULTILINE)
#: A class of loss with its number. The classes differ from run to run.
LOSS = r"(?:status|refused|reset|closed|truncated|timeout-connect|timeout-response) N"
SHORTENED = "…"
#: The sign before each finding of a cell.
BULLET = "• "
#: Words of the findings that say that the machine left the sender too little time.
LOAD = re.compile(
    "could not be sent in time|The sender fell behind|left the sender without processor time|"
    "nothing was sent although it was due|an outage could have gone unseen"
)
#: How a run says that a cell is inconclusive for that reason alone.
BUSY = "The machine is busy"
OUT = re.compile(r"--out ([^\s;]+)")


def words(output: str) -> str:
    """Return an output in one line, without what differs from run to run."""
    text = NUMBER.sub("N", ENDED.sub("", output))
    # A proxy saves some requests, or none, where others are lost.
    text = re.sub(r"\bhidden [0N]", "hidden N", text)
    text = " ".join(re.sub(r"[\u2500-\u257f]", " ", text).split())
    first, *findings = text.split(BULLET)
    text = BULLET.join((first, *(each for each in findings if not LOAD.search(each))))
    return re.sub(rf"{LOSS}(?:, {LOSS})*", "LOSSES", text)


def is_as_shown(output: str, shown: str) -> bool:
    """Return whether an output is the one that a page shows; a line of ``…`` stands for any lines."""
    parts = [re.escape(words(part)) for part in re.split(rf"^{SHORTENED}$", shown, flags=re.MULTILINE)]
    return re.fullmatch(r"\s*.*\s*".join(parts), words(output)) is not None


def steps(block: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a block with the output that it shows."""
    for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = step.partition("\n")
        yield command, output


def run(harness: CommandLine, command: str) -> str:
    """Return the output of a command; a run that the machine starved is removed and run again."""
    shell = ["bash", "-c", f"exec 2>&1; {command}"]
    for _ in range(MEASUREMENTS):
        output = harness.finish(harness.start_command(shell, env={"COLUMNS": "80"})).out
        if BUSY not in output:
            return output
        for name in OUT.findall(command):
            for folder in (name, f"{name}-confirmation"):
                shutil.rmtree(harness.folder / folder, ignore_errors=True)
    pytest.skip(f"this machine is too busy for: {command}\n{output}")


@pytest.mark.e2e
@pytest.mark.nginx
@pytest.mark.timeout(2400)
@pytest.mark.parametrize(("name", "file", "count"), [("first-run", "mine.yaml", 9), ("nightly", "shop.yaml", 11)])
def test_every_command_does_as_the_page_says(
    name: str, file: str, count: int, harness: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From an empty folder to the lossy verdict, the fix and the lossless one, in the order of the page."""
    blocks = BLOCK.findall(page(f"tutorial/{name}.md"))
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    commands = []
    for language, block in blocks:
        if language == "yaml":
            with (harness.folder / file).open("a", encoding="utf-8") as experiment:
                experiment.write(block)
            continue
        for command, shown in steps(block):
            commands.append(command)
            if command.startswith("cd "):
                harness.folder /= command.removeprefix("cd ")
                continue
            output = run(harness, command)
            assert is_as_shown(output, shown), f"$ {command}\n{output}"

    text = "".join(block for _, block in blocks)
    assert len(commands) == count
    assert "exit code 1" in text
    assert "exit code 0" in text


@pytest.mark.parametrize(
    ("output", "same"),
    [
        ("│ a │ 5 of 1,974 lost │\nstatus 7, reset 1;\nmuch\nmore\n0 lost in 0.9 s\nexit code 1", True),
        ("│ a │ 5 of 1,974 lost │\nclosed 1;\n0 lost in 10 s\nexit code 1", True),
        ("│ b │ 5 of 1,974 lost │\nclosed 1;\n0 lost in 10 s\nexit code 1", False),
        ("│ a │ 0 of 1,974 lost │\nclosed 1;\n0 lost in 10 s\nexit code 1", False),
        ("│ a │ 5 of 1,974 lost │\nclosed 1;\n10 lost in 10 s\nexit code 1", False),
        ("│ a │ 5 of 1,974 lost │\nclosed 1;\n0 lost in 10 s\nexit code 3", False),
        ("│ a │ 5 of 1,974 lost │\nclosed 1;\n0 lost in 10 s\nexit code 1\nand a traceback", False),
    ],
)
def test_only_what_differs_from_run_to_run_is_ignored(output: str, same: bool) -> None:
    """Numbers and classes of losses may differ; words, exit codes and a 0 may not."""
    shown = "┃ a ┃ 562 of 17 lost ┃\ntimeout-response 510, status 52;\n…\n0 lost in 1.5 s\nexit code 1\n"

    assert is_as_shown(output, shown) is same


@pytest.mark.parametrize(
    ("more", "same"),
    [
        (
            " • For 240 ms, 1.5 s after the change began, nothing was sent although it was due.\n → Run fewer cells",
            True,
        ),
        (" • 3 of 200 planned requests could not be sent in time: their outcome is unknown.\n", True),
        (" • 1 request sent, but the end was not recorded: that is no success.\n", False),
        ("3 of 200 planned requests could not be sent in time.\n", False),
    ],
)
def test_findings_about_a_busy_machine_are_ignored(more: str, same: bool) -> None:
    """Other findings are not, nor is the rest of the output."""
    first, last = "a: lossy\n • 5 of 200 requests were lost.\n", " • Network silent 5 lost\n"

    assert is_as_shown(f"{first}{more}{last}", first + last) is same


def test_a_line_with_findings_about_a_busy_machine_is_compared() -> None:
    """An annotation has all findings in one line, and no bullets; its begin is compared."""
    shown = "::error file=a.yaml::lossy: 189 of 1,301 lost\n…\n"
    line = "::error file=a.yaml::lossy: 5 of 200 lost; For 146 ms, nothing was sent although it was due.; cause"

    assert is_as_shown(line, shown)
    assert not is_as_shown(line.replace("lossy", "lossless"), shown)
