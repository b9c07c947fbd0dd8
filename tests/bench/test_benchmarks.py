"""Every benchmark runs and writes its table. Its results are not checked here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.timeout(1800), pytest.mark.processes]

ROOT = Path(__file__).resolve().parents[2]


def quick(name: str, document: Path) -> str:
    """Run a benchmark in its shortest form. Return its table in the document."""
    argv = [sys.executable, "-m", f"bench.{name}", "--quick", "--doc", str(document)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    text = document.read_text(encoding="utf-8")
    assert (text[:8], text[-7:]) == ("Before.\n", "After.\n")
    return text.split(f"<!-- bench:{name} -->")[1].split(f"<!-- /bench:{name} -->")[0]


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """Return a document with a place for each table, and text around them."""
    path = tmp_path / "performance.md"
    places = "".join(
        f"<!-- bench:{name} -->old<!-- /bench:{name} -->\n" for name in ("traffic", "analysis", "outage", "watch")
    )
    path.write_text(f"Before.\n{places}After.\n", encoding="utf-8")
    return path


def test_analysis_judges_runs_of_every_size(document: Path) -> None:
    """Each size has its row, and the old table is gone."""
    text = quick("analysis", document)

    assert "old" not in text
    assert [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")][1:] == [
        "---",
        "1,000",
        "2,000",
        "4,000",
    ]


def test_outage_finds_the_servers_outages(document: Path) -> None:
    """The ledger has as many lost requests as the server counted, whatever the machine does."""
    text = quick("outage", document)
    cut = text.split("The server cut ")[1].split(" requests, the ledger says ")

    assert int(cut[0].replace(",", "")) > 0
    assert cut[1].startswith(f"{cut[0]};")


@pytest.mark.nginx
def test_traffic_compares_clients_and_ours_reports_every_loss(document: Path) -> None:
    """Our engine reports exactly the server's losses, by GET and POST, alone and in Locust."""
    _, losses = quick("traffic", document).split("Losses out of a known number:")
    ours = [line for line in losses.splitlines() if line.startswith(("| engine", "| `LosslessUser`"))]
    counts = [[cell.strip().strip("*") for cell in line.split("|")[2:6]] for line in ours]

    assert len(counts) == 2
    assert all(int(get[0]) > 0 and get[0] == get[1] and get[2] == get[3] for get in counts)


@pytest.mark.nginx
def test_watch_measures_both_clients(document: Path) -> None:
    """Each client has its row."""
    text = quick("watch", document)

    assert "| harness watch |" in text
    assert "| http.client |" in text
