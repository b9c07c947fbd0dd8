"""A session as a participant has it: kubectl in one window, and the page in a real browser."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from command_line import PATIENCE, ROOT, CommandLine
from playwright.sync_api import Browser, Page, expect
from real_browser import real_browser

from harness.kit.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.kubectl, pytest.mark.browser, pytest.mark.timeout(1200)]

#: Milliseconds for something to appear, on a busy machine.
SOON = PATIENCE * 1000
#: On a machine that is too busy to send every request, a card is inconclusive.
WITHOUT_LOSS = re.compile("(?:lossless|inconclusive)")
SELECTOR = "Service apple-service: selector version apple-v1 to banana-v1"
EDIT = "Ingress fruit: annotations nginx.ingress.kubernetes.io/proxy-body-size 2m"


@dataclass
class Started:
    """A running session."""

    process: subprocess.Popen[str]
    url: str
    out: Path
    temporary: Path

    def kubectl(self, *words: str) -> None:
        """Run kubectl as the participant does."""
        (kubeconfig,) = self.temporary.glob("harness-play-*/cluster/kubeconfig")
        environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
        subprocess.run(["kubectl", *words], env=environment, check=True, capture_output=True, timeout=PATIENCE)


@pytest.fixture
def session(harness: CommandLine, tmp_path: Path) -> Iterator[Started]:
    """Start ``harness play``, and end it with the test."""
    out = tmp_path / "session"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = harness.start("play", "--no-browser", "--out", out, env={"TMPDIR": str(temporary)})
    assert process.stdout is not None
    address = next(line for line in process.stdout if line.startswith("page: "))
    yield Started(process, address.removeprefix("page: ").strip(), out, temporary)
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        harness.finish(process)


@pytest.fixture
def browser() -> Iterator[Browser]:
    """Start a browser, and end it with the test."""
    with real_browser() as started:
        yield started


@pytest.fixture
def page(session: Started, browser: Browser) -> Page:
    """Open the page, and wait until traffic runs."""
    opened = browser.new_page(locale="en-US")
    opened.set_default_timeout(SOON)
    opened.goto(session.url)
    expect(opened.locator("#large")).to_contain_text("Lossless for", timeout=SOON)
    return opened


def test_changes_become_cards(session: Started, page: Page, harness: CommandLine, tmp_path: Path) -> None:
    """Each change appears in words and gets a verdict; two are compared; nothing is lost by closing the page.

    The limit of the controller's syncs counts again when traffic runs.
    """
    assert not list(session.temporary.glob("harness-play-*/cluster/starting"))
    session.kubectl("patch", "service", "apple-service", "-p", '{"spec":{"selector":{"version":"banana-v1"}}}')
    first, second = page.locator("#cards [data-card='1']"), page.locator("#cards [data-card='2']")
    expect(first).to_contain_text(SELECTOR, timeout=SOON)
    expect(first.locator(".verdict")).to_have_text(WITHOUT_LOSS, timeout=SOON)
    session.kubectl("annotate", "ingress", "fruit", "nginx.ingress.kubernetes.io/proxy-body-size=2m")
    expect(second).to_contain_text(EDIT, timeout=SOON)
    expect(second.locator(".verdict")).to_have_text(WITHOUT_LOSS, timeout=SOON)
    expect(page.locator("#figure-lost")).to_have_text("0", timeout=SOON)
    for card in (first, second):
        card.get_by_role("checkbox").check()
    expect(page.locator("#compare .card")).to_have_count(2, timeout=SOON)
    cut = [
        int(re.findall(r"(\d+) connections cut", text)[0]) for text in page.locator("#compare .card").all_inner_texts()
    ]
    assert cut[0] == 0 < cut[1]

    page.reload()
    expect(page.locator("#cards .card")).to_have_count(2, timeout=SOON)
    saved = tmp_path / "saved.html"
    saved.write_bytes(page.request.get(f"{session.url}session.html").body())
    session.process.send_signal(signal.SIGINT)
    expect(page.locator("#connection")).to_be_visible(timeout=SOON)
    finished = harness.finish(session.process)
    for file in (saved, session.out / "session.html"):
        page.goto(file.as_uri())
        expect(page.locator("#cards .card")).to_have_count(2, timeout=SOON)

    assert finished.code == 0, finished.result
    assert re.search(rf"^1. {SELECTOR}: {WITHOUT_LOSS.pattern}, 0 of \d+ lost, 0 cut$", finished.out, re.MULTILINE)
    assert (session.out / "index.html").exists()
    assert list(session.temporary.iterdir()) == []
    assert SELECTOR in (session.out / "timeline.jsonl").read_text(encoding="utf-8")
    assert (
        harness.run("analyze", session.out).code == json.loads((session.out / "verdict.json").read_text())["exit_code"]
    )


def test_a_loss_is_shown_and_counted(session: Started, page: Page) -> None:
    """While requests get lost the page says so; afterwards the card has the number, the class and the time."""
    session.kubectl("patch", "service", "apple-service", "-p", '{"spec":{"selector":{"version":"nobody"}}}')
    expect(page.locator("#large")).to_contain_text("Losing requests", timeout=SOON)
    session.kubectl("patch", "service", "apple-service", "-p", '{"spec":{"selector":{"version":"apple-v1"}}}')
    expect(page.locator("#large")).to_contain_text("in the last change", timeout=SOON)

    expect(page.locator("#cards .card.lossy").last).to_contain_text("status 503", timeout=SOON)


def test_a_stopped_machine_is_no_outage(session: Started, page: Page, harness: CommandLine) -> None:
    """All processes stop, as in a suspended laptop. The page then names the pause, and no request counts as lost."""
    # The sender stops first and goes on last, so that it never waits for an answer of a part that is stopped.
    lines = harness.processes()
    everybody = sorted(lines, key=lambda pid: "-m locust" not in lines[pid])
    for pid in everybody:
        os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(4)  # not a wait for anything: it is the length of the pause
    finally:
        for pid in everybody[::-1]:
            os.kill(pid, signal.SIGCONT)
    expect(page.locator("#session")).to_contain_text("That is no outage", timeout=SOON)
    expect(page.locator("#large")).to_contain_text("Lossless for", timeout=SOON)

    expect(page.locator("#figure-lost")).to_have_text("0", timeout=SOON)


def test_a_killed_session_leaves_nothing(session: Started, harness: CommandLine) -> None:
    """After ``kill -9`` no process is left, and the records can be read."""
    journal = session.out / "origins" / "1" / "traffic" / "traffic.jsonl"
    wait_until(lambda: journal.exists() and '"started"' in journal.read_text(), timeout=PATIENCE, what="traffic")
    session.process.kill()
    harness.finish(session.process)
    harness.wait_for_none()

    assert harness.run("analyze", session.out, "--unsealed").code in {1, 3}


def test_two_sessions_at_once(session: Started, harness: CommandLine, tmp_path: Path) -> None:
    """Each has its own cluster, page and records. With ``--json`` stdout has one object, and stderr the address."""
    out = tmp_path / "second"
    process = harness.start("play", "none", "--no-browser", "--json", "--out", out)
    assert process.stderr is not None
    address = next(line for line in process.stderr if line.startswith("page: "))
    wait_until((out / "watch.json").exists, timeout=PATIENCE, what="the second session")
    process.send_signal(signal.SIGINT)
    finished = harness.finish(process)

    assert finished.code == 0, finished.result
    assert (finished.json["exit_code"], finished.json["directory"]) == (0, str(out))
    assert address.removeprefix("page: ").strip() != session.url
    assert session.process.poll() is None


def test_the_examples_of_the_page_exist() -> None:
    """The how-to page names applications that the command has."""
    page = (ROOT / "docs" / "how-to" / "play.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == {"fruit", "versions", "none"}
