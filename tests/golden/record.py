"""Pack run directories into archives, and record in ``expected.json`` what judging them again must give.

``record.py pack runs/NAME...`` adds archives.
``record.py doctored`` records what judging doctored evidence gives.
``record.py reports`` records only the digests of the reports again, after the reports were changed on purpose.
"""

from __future__ import annotations

import json
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import golden
import golden_doctored
from golden import GOLDEN, REPORTS, SUFFIX, VERDICTS, Golden, digests, found, outcomes


def pack(run: Path) -> None:
    """Pack a folder, without owner, mode and time of its files."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mtime = 0
        return member

    with tarfile.open(GOLDEN / f"{run.name}{SUFFIX}", "w:xz", preset=9) as archive:
        archive.add(run, run.name, filter=plain)


def record(kept: Golden, made: int) -> dict[str, Any]:
    """Return what is expected of an archive.

    Args:
        kept: Unpacked.
        made: Exit code of the command that made it.
    """
    files = kept.read(VERDICTS)
    code = kept.analyze()
    if kept.read(VERDICTS) != files:
        raise ValueError(f"{kept.path} is not judged to the same bytes")
    read = {name: json.loads(content) for name, content in files.items()}
    return {
        "made": made,
        "analyze": code,
        "verdicts": digests(files),
        "reports": digests(kept.read(REPORTS)),
        "found": {name: outcomes(one) if "pairs" in one else found(one) for name, one in read.items()},
    }


def record_reports(kept: Golden) -> dict[str, str]:
    """Return the digests of the reports as they are rendered today."""
    kept.analyze()
    return digests(kept.read(REPORTS))


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file of expectations."""
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def main(command: str, *runs: str) -> None:
    """Pack, or record."""
    every = dict(golden.expected()) if golden.EXPECTED.exists() else {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if command == "pack":
            for run in map(Path, runs):
                codes = json.loads((run.parent / "codes.json").read_text(encoding="utf-8"))
                pack(run)
                every[run.name] = record(golden.unpack(run.name, folder), codes[run.name])
        elif command == "reports":
            for each, one in every.items():
                one["reports"] = record_reports(golden.unpack(each, folder))
        elif command == "doctored":
            write(
                golden.EXPECTED_DOCTORED,
                {code: golden.judge_doctored(code, folder / code) for code in golden_doctored.DOCTORED},
            )
        else:
            raise ValueError(__doc__)
    write(golden.EXPECTED, every)


if __name__ == "__main__":
    main(*sys.argv[1:])
