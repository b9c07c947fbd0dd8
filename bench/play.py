"""Measures a session of ``harness play``: its start, its processor time when idle, and how soon a change is shown.

``python -m bench.play`` needs kubectl and about a minute. Times of the start depend on how busy the machine is.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import psutil

#: Seconds of the idle session that are measured.
IDLE = 30.0
#: Changes whose delay is measured.
CHANGES = 5


@dataclass
class Page:
    """A reader of the page's stream: the words of each change, with the time at which they came."""

    url: str
    seen: dict[str, float] = field(default_factory=dict)

    def follow(self) -> None:
        """Read until the session ends."""
        with urllib.request.urlopen(f"{self.url}events", timeout=60) as stream:
            for line in stream:
                if line.startswith(b"data: "):
                    for card in json.loads(line.removeprefix(b"data: ")).get("cards", ()):
                        for _, text in card["changes"]:
                            self.seen.setdefault(text, time.monotonic())


def processor_seconds(root: int) -> float:
    """Return the processor time of a process and all its descendants so far, in seconds."""
    total = 0.0
    for process in [psutil.Process(root), *psutil.Process(root).children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def measure(folder: Path) -> None:
    """Run a session, and print what was measured."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "harness", "play", "--no-browser", "--out", str(folder / "session")]
    environment = {**os.environ, "TMPDIR": str(folder)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as session:
        assert session.stdout is not None
        page = Page("")
        for line in session.stdout:
            if line.startswith("page: "):
                page = Page(line.removeprefix("page: ").strip())
                print(f"page after {time.monotonic() - begun:.1f} s")
            if line.startswith("Ctrl-C"):
                break
        print(f"traffic after {time.monotonic() - begun:.1f} s")
        reader = threading.Thread(target=page.follow, daemon=True)
        reader.start()
        before, since = processor_seconds(session.pid), time.monotonic()
        time.sleep(IDLE)
        used = (processor_seconds(session.pid) - before) / (time.monotonic() - since)
        print(f"idle at 50 requests/s, one page open: {used:.1%} of a core")
        (kubeconfig,) = folder.glob("harness-play-*/cluster/kubeconfig")
        for number in range(CHANGES):
            print(f"a change is shown {delay(kubeconfig, page, number):.2f} s after kubectl has ended")
        session.send_signal(signal.SIGINT)


def delay(kubeconfig: Path, page: Page, number: int) -> float:
    """Make a change. Return the seconds from the end of kubectl until the page has the change."""
    word = f"label-{number}"
    label = ["kubectl", "--kubeconfig", str(kubeconfig), "label", "service", "banana-service", f"{word}=x"]
    subprocess.run(label, check=True, capture_output=True)
    ended = time.monotonic()
    while True:
        found = [at for text, at in page.seen.items() if word in text]
        if found:
            return found[0] - ended
        time.sleep(0.01)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        measure(Path(name))
