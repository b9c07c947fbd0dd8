"""``harness calibrate`` catches a broken client; ``harness export`` can be piped into other tools."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest
from command_line import CommandLine

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

#: A client as most are: a request whose connection is closed before the answer is sent once more. Python runs this file
#: as it starts, in every process of the harness.
RESENDING = """
import sys

def spoil():
    from dataclasses import replace

    from harness.model.attempt import Progress
    from harness.model.shapes import Shape
    from harness.traffic.http.client import Client

    fail = Client.failed

    def failed(self, connection, attempt, error, at):
        if attempt.stream.path != "/fault/fin-before" or attempt.carried == 0:
            return fail(self, connection, attempt, error, at)
        again = self._new_connection(replace(attempt.stream, shape=Shape.NEW), at)
        attempt.connection, attempt.carried, attempt.progress = again, 0, Progress.NOT_CONNECTED
        again.open(self._destination, attempt, self._forms[0].request(attempt.row))

    Client.failed = failed

if "harness.traffic.calibration.program" in sys.orig_argv:
    spoil()
"""


def test_an_honest_client_is_exact(harness: CommandLine, tmp_path: Path) -> None:
    """The exit code is 0, every line is exact, and the ledger is kept if requested."""
    finished = harness.run("calibrate", "--tls", "--json", "--out", tmp_path / "proof")
    found = finished.json

    assert (finished.code, found["exact"], found["duplicates"]) == (0, True, 0), finished.result
    assert all(line["exact"] and line["done"] == sum(line["reported"].values()) for line in found["faults"])
    assert {"fin-before", "rst-inside-body", "chunked", "tls-untrusted"} <= {line["fault"] for line in found["faults"]}
    assert (tmp_path / "proof" / "calibration-0.npy").exists()


def test_a_client_that_retries_is_caught(harness: CommandLine, tmp_path: Path) -> None:
    """The exit code is 3, because the server received some requests more than once."""
    (tmp_path / "sitecustomize.py").write_text(RESENDING, encoding="utf-8")
    words = ("--faults", "fin-before,rst-before", "--count", "3", "--json")
    finished = harness.run("calibrate", *words, env={"PYTHONPATH": str(tmp_path)})
    found = finished.json

    assert (finished.code, found["exact"]) == (3, False), finished.result
    assert found["duplicates"] > 0
    assert "more than once" in finished.err


def test_attempts_are_exported_to_a_pipe_and_to_a_file(harness: CommandLine, tmp_path: Path) -> None:
    """All attempts are rows. A reader that closes the pipe early is no error."""
    words = ("--for", "2s", "--rate", "200", "--out", tmp_path / "w")
    # 3 if the machine left the sender no time for any request.
    assert harness.run("watch", "http://127.0.0.1:9/", *words).code in {1, 3}
    piped, filed = harness.run("export", "w"), harness.run("export", "w", "--out", "attempts.csv")
    short = harness.start_command(["sh", "-c", f"{sys.executable} -m harness export w | head -n 2"])
    first = harness.finish(short)
    rows = list(csv.DictReader(piped.out.splitlines()))

    assert (piped.code, filed.code, piped.err) == (0, 0, ""), piped.result
    assert (tmp_path / "attempts.csv").read_bytes().decode().splitlines() == piped.out.splitlines()
    assert {row["outcome"] for row in rows} <= {"refused", "missed"}
    assert [row["slot"] for row in rows] == [str(slot) for slot in range(400)]
    assert (len(first.out.splitlines()), first.err) == (2, "")
