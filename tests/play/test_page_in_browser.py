"""The page in a real browser: both languages, two widths, live changes, comparison, and a text that looks like HTML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from real_browser import real_browser

from harness.exercises.checking import Remark
from harness.exercises.progress import SavedProgress, StepResult
from harness.exercises.steps import load_exercise
from harness.exercises.texts import LANGUAGES, load_texts
from harness.exercises.walk import Stage, Walk
from harness.model.timeline import Event, EventKind
from harness.play.board import Board, Rest, ShownCounts
from harness.play.counting import NS, Totals
from harness.play.page import page_texts
from harness.play.server import PageServer
from harness.play.tracking import MadeChange

pytestmark = [pytest.mark.processes, pytest.mark.browser]

NOW = 60 * NS
QUIET = Rest(is_quiet=True)
LOST = Totals(sent=300, ok=280, lost={"status 503": 20}, first_loss=20.1, last_lost=22.3, last_loss=22.4)
#: Elements that reach beyond the window.
BEYOND = """
[...document.querySelectorAll('main *')].filter((each) => {
  const { width, right } = each.getBoundingClientRect();
  return width && right > innerWidth + 1;
}).map((each) => `${each.tagName}.${each.className}`)
"""


def board() -> Board:
    """Return a board with pods, endpoints, events of the controller, and two settled cards."""
    found = Board(facts={"title": "<b>apple</b>", "url": "http://127.1.2.3:80", "kubeconfig": "/tmp/k"}, origin=1)
    for second, what in enumerate(["created", "started", "ready"]):
        found.record(Event(second * NS, EventKind.POD, "apple-1", what, {"ip": "127.1.2.4", "version": "v1"}))
    found.record(Event(NS, EventKind.ENDPOINTS, "apple-service", "changed", {"ready": "127.1.2.4:5678"}))
    found.record(Event(NS, EventKind.INGRESS, "ingress-nginx", "reload", {}))
    for at, text, totals in (
        (5, "Ingress fruit: rules", Totals(sent=300, ok=300)),
        (20, "Deployment a: image <i>", LOST),
    ):
        found.change(MadeChange(at * NS, "Deployment", "a", "default", text))
        found.tick((at + 10) * NS, QUIET, totals, 64 if at == 5 else 0, is_whole=True)
    found.counts = ShownCounts(
        LOST, [[50, 0, 0]] * 58 + [[30, 20, 0]] * 2, {"/apple": {"v1": 90, "status 503": 10}}, 8, 64
    )
    return found


def guide(language: str, folder: Any) -> dict[str, Any]:
    """Return the guide's section in the middle of a step, with a wrong turn and a hint."""
    one = Walk(load_exercise(2), load_texts(2, language), SavedProgress(folder / "progress.json"), index=3)
    one.progress.add("create", StepResult(2, "lossy", lost=5, sent=9, report="reports/x"))
    one.stage, one.prediction = Stage.ACT, 2
    one.remark = Remark("wrong_object", {"found": "Service banana-service", "wanted": "Service apple-service"})
    one.advice = Remark("hint_again", {"change": "Service banana-service: created", "command": one.step.command})
    return one.view()


@pytest.fixture
def server() -> Iterator[PageServer]:
    """Run a server that shows the board."""
    with PageServer() as running:
        running.publish(board().view(NOW))
        yield running


@pytest.fixture
def browser() -> Iterator[Browser]:
    """Start a browser, and end it with the test."""
    with real_browser() as started:
        yield started


def opened(browser: Browser, server: PageServer, *, language: str = "en", width: int = 1300) -> Page:
    """Open the page. An error of its script fails the test."""
    page = browser.new_page(locale={"en": "en-US", "zh": "zh-CN"}[language], viewport={"width": width, "height": 900})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(server.url)
    expect(page.locator("#cards .card")).to_have_count(2)
    assert errors == []
    return page


@pytest.mark.parametrize("width", [1300, 768, 400])
@pytest.mark.parametrize("language", LANGUAGES)
def test_it_fits_in_both_languages(
    browser: Browser, server: PageServer, tmp_path: Any, language: str, width: int
) -> None:
    """Nothing reaches beyond the window, every text is translated, and the guide is shown."""
    state = board()
    state.guide = guide(language, tmp_path)
    server.publish(state.view(NOW))
    page = opened(browser, server, language=language, width=width)
    texts, steps = page_texts(language), load_texts(2, language)

    expect(page.locator("#large")).to_have_text(texts["answer_lossy"].replace("{lost}", "20"))
    expect(page.locator("#guide h3")).to_have_text(steps.steps["selector"].title)
    expect(page.locator("#guide-wrong")).to_contain_text("banana-service")
    expect(page.locator("#guide-hint")).to_contain_text("kubectl patch service")
    expect(page.locator("#guide .done")).to_have_count(1)
    assert page.evaluate(BEYOND) == []


def test_texts_of_a_cluster_are_no_html(browser: Browser, server: PageServer) -> None:
    """Names and values come from a participant and from images."""
    page = opened(browser, server)

    expect(page.locator("h1")).to_have_text("<b>apple</b>")
    expect(page.locator("[data-card='2'] h3")).to_have_text("2. Deployment a: image <i>")
    assert page.locator("h1 b, h3 i").count() == 0


def test_changes_appear_at_once(browser: Browser, server: PageServer) -> None:
    """A change is on the page within half a second of the board's."""
    page = opened(browser, server)
    state = board()
    state.change(MadeChange(40 * NS, "Deployment", "apple", "default", "Deployment apple: image 1.0 to 1.1"))
    server.publish(state.view(NOW))

    expect(page.locator("[data-card='3']")).to_contain_text("Deployment apple: image 1.0 to 1.1", timeout=500)


def test_two_cards_are_compared(browser: Browser, server: PageServer) -> None:
    """A third choice replaces the first one; an update of the page keeps the choice."""
    page = opened(browser, server)
    expect(page.locator("#compare")).to_be_hidden()
    for number in (1, 2):
        page.locator(f"#cards [data-card='{number}'] input").check()
    server.publish({**board().view(NOW), "cards": [{**one, "cause": "why"} for one in board().view(NOW)["cards"]]})

    expect(page.locator("#compare .card")).to_have_count(2)
    expect(page.locator("#compare")).to_contain_text("64 connections cut")
    expect(page.locator("#compare")).to_contain_text("Cause: why")


def test_the_language_is_remembered(browser: Browser, server: PageServer) -> None:
    """A participant chooses once."""
    page = opened(browser, server)
    page.locator("#language").click()
    expect(page.locator("#language")).to_have_text(page_texts("zh")["other_language"])
    page.reload()

    expect(page.locator("#traffic h2").first).to_have_text(page_texts("zh")["traffic"])
