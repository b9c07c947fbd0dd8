"""Pack run directories into archives, and record in ``expected.json`` what judging them again must give.

``python tests/golden/record.py pack runs/NAME...`` adds archives; without a word only the digests of the reports are
recorded again, after the reports were changed on purpose.
"""

from __future__ import annotations

import json
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from golden import EXPECTED, GOLDEN, REPORTS, SUFFIX, VERDICTS, Golden, digests, expected, found, outcomes, unpack


def pack(run: Path) -> None:
    """Pack a folder, without owner, mode and time of its files."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mtime = 0
        return member

    with tarfile.open(GOLDEN / f"{run.name}{SUFFIX}", "w:xz", preset=9) as archive:
        archive.add(run, run.name, filter=plain)


def record(golden: Golden, made: int) -> dict[str, Any]:
    """Return what is expected of an archive.

    Args:
        golden: Unpacked.
        made: Exit code of the command that made it.
    """
    files = golden.read(VERDICTS)
    code = golden.analyze()
    if golden.read(VERDICTS) != files:
        raise ValueError(f"{golden.path} is not judged to the same bytes")
    read = {name: json.loads(content) for name, content in files.items()}
    return {
        "made": made,
        "analyze": code,
        "verdicts": digests(files),
        "reports": digests(golden.read(REPORTS)),
        "found": {name: outcomes(one) if "pairs" in one else found(one) for name, one in read.items()},
    }


def record_reports(golden: Golden) -> dict[str, str]:
    """Return the digests of the reports as they are rendered today."""
    golden.analyze()
    return digests(golden.read(REPORTS))


def main(words: list[str]) -> None:
    """Pack and record, or record the reports again."""
    every = dict(expected()) if EXPECTED.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        if words[:1] == ["pack"]:
            for run in map(Path, words[1:]):
                codes = json.loads((run.parent / "codes.json").read_text(encoding="utf-8"))
                pack(run)
                every[run.name] = record(unpack(run.name, Path(folder)), codes[run.name])
        else:
            for name, one in every.items():
                one["reports"] = record_reports(unpack(name, Path(folder)))
    EXPECTED.write_text(json.dumps(every, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
