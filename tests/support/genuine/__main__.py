"""Record or compare answers of Kubernetes' functions: ``PYTHONPATH=tests/support python -m genuine record|compare``.

``record`` needs Go and the modules that ``program/go.mod`` names; it builds the program, which takes some minutes the
first time, and asks every question of ``questions.py``.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from genuine.comparing import RECORDING, Recorded, compare, read, write
from genuine.ours import answer
from genuine.questions import Question, questions

PROGRAM = Path(__file__).parent / "program"


def main() -> int:
    """Run what the command line names; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m genuine", description=__doc__)
    parser.add_argument("what", choices=("record", "compare"))
    parser.add_argument("--program", type=Path, help="the built program; without it, Go builds one")
    parser.add_argument("--only", default="", help="compare: show the differences whose text has this part")
    options = parser.parse_args()
    if options.what == "record":
        return _record(options.program)
    return _compare(options.only)


def _record(program: Path | None) -> int:
    asked = questions()
    with tempfile.TemporaryDirectory(prefix="genuine-") as folder:
        if program is None:
            program = Path(folder, "genuine")
            subprocess.run(["go", "build", "-o", program, "."], cwd=PROGRAM, check=True)
        found = ask(program, asked)
    version = re.search(r"k8s\.io/kubernetes (v\S+)", (PROGRAM / "go.mod").read_text())
    assert version is not None
    header = {
        "source": f"functions of Kubernetes {version[1]}, compiled from its Go modules",
        "recorded": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    rows = [Recorded(*each) for each in zip(asked, found, strict=True)]
    rows = [row for row in rows if not _is_moot(row)]
    write(RECORDING, header, rows)
    sys.stdout.write(f"{len(rows)} answers in {RECORDING}, {RECORDING.stat().st_size} bytes\n")
    return 0


def _is_moot(row: Recorded) -> bool:
    """Return True for a question about an object that no server stores: it is refused, which ``admit`` compares."""
    stored = row.asked["what"] == "replace" or (row.asked["what"] == "selector" and "object" in row.asked)
    return stored and "error" in row.answer


def ask(program: Path, asked: list[Question]) -> list[Any]:
    """Return the program's answers."""
    lines = "".join(json.dumps(each) + "\n" for each in asked)
    done = subprocess.run([program], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _compare(only: str) -> int:
    _, recorded = read()
    found = compare(recorded, answer)
    counted = Counter(each.what for each in found)
    for what, count in counted.most_common():
        sys.stdout.write(f"{count:5} {what}\n")
    for each in found:
        if only and only in each.what:
            sys.stdout.write(f"{each}\n")
    sys.stdout.write(f"{len({each.number for each in found})} of {len(recorded)} questions differ\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
