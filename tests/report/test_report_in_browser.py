"""The report in a real browser: filter, trace, zoom, copy, print, keyboard, widths, dark mode and accessibility."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from made_up_watches import lossy
from playwright.sync_api import Browser, Locator, Page, expect
from real_browser import chromium, real_browser

from harness.report import html, run, watch
from harness.report.blocks import Remedy
from harness.report.document import Document, Section
from harness.testing.release_reports import sample_releases
from harness.testing.reports import sample_run

pytestmark = [pytest.mark.processes, pytest.mark.browser]

WITHOUT = "HARNESS_WITHOUT_BROWSER"
_OPEN_ALL = "document.querySelectorAll('details').forEach((each) => { each.open = true; })"
#: Elements that reach beyond the window, and are in nothing that scrolls.
_BEYOND = """
[...document.querySelectorAll('main *')].filter((each) => {
  const { width, right, left } = each.getBoundingClientRect();
  return width && (right > innerWidth + 1 || left < -1)
    && !each.closest('.scroll, svg, .skip') && getComputedStyle(each).clipPath === 'none';
}).map((each) => `${each.tagName}.${each.className}`)
"""
MINUS = "\N{MINUS SIGN}"
PATCH = "spec:\n  template:\n    metadata: {labels: {a: '<b>'}}\n"
REMEDY = Remedy(
    title="preStop too short",
    why="The pod stopped listening before the ingress stopped sending to it.",
    certainty="certain",
    lost=90,
    object="Deployment/apple",
    field="spec.template.spec.containers[apple].lifecycle.preStop.sleep.seconds",
    change="Sleep for 6 s before the pod stops.",
    derivation="4.9 s were needed in this run.",
    patch=PATCH,
    diff="--- before\n+++ after\n-  seconds: 3\n+  seconds: 6\n",
    command="kubectl patch deployment apple --patch-file remedy.yaml",
)


@pytest.fixture
def browser() -> Iterator[Browser]:
    """Start a browser, and end it with the test."""
    with real_browser() as started:
        yield started


def sample() -> Document:
    """Return the report of a run that has a remedy."""
    document = run.document(sample_run(("bare", "graceful"), ("none", "rolling-update", "ingress-edit")))
    why = document.sections[0]
    first = replace(why.parts[0], blocks=(*why.parts[0].blocks, REMEDY))
    return replace(document, sections=(replace(why, parts=(first, *why.parts[1:])), *document.sections[1:]))


def wide() -> Document:
    """Return the report of a run with sixteen changes, whose names are long."""
    document = sample()
    assert document.table is not None
    columns = tuple(replace(document.table.columns[0], name=f"a-change-with-a-long-name-{n}") for n in range(16))
    rows = tuple(replace(row, cells=(row.cells[1],) * 16) for row in document.table.rows)
    return replace(document, table=replace(document.table, columns=columns, rows=rows))


DOCUMENTS: dict[str, Callable[[], Document]] = {
    "run": sample,
    "many changes": wide,
    "releases": lambda: run.document(sample_releases()),
    "watch": lambda: watch.document(lossy()),
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Return a function that writes a document once, and returns its address."""
    folder = tmp_path_factory.mktemp("pages")

    def address(kind: str) -> str:
        path = folder / f"{kind.replace(' ', '-')}.html"
        if not path.exists():
            path.write_text(html.render(DOCUMENTS[kind]()), encoding="utf-8")
        return path.as_uri()

    return address


Opened = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser, pages: Callable[[str], str]) -> Iterator[Opened]:
    """Return a function that opens a document; at the end there must be no error and no request for another file."""
    said: list[str] = []

    def open_page(kind: str = "run", *, width: int = 1300, scheme: str = "light", scripts: bool = True) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            java_script_enabled=scripts,
        )
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        address = pages(kind)
        page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: None if request.url in (address, "data:,") else said.append(request.url))
        page.goto(address)
        return page

    yield open_page
    assert said == []


def table_of(page: Page) -> Locator:
    """Return the first table of lost requests that is open, when its script has filled it."""
    table = page.locator("#graceful--rolling-update .failures").first
    table.scroll_into_view_if_needed()
    expect(table.get_by_role("searchbox")).to_be_visible()
    return table


def chart_of(page: Page) -> Locator:
    """Return the chart of an open cell, when its script has begun."""
    figure = page.locator("#graceful--rolling-update figure.plot").first
    figure.scroll_into_view_if_needed()
    expect(figure.get_by_role("button", name="Zoom in")).to_be_visible()
    return figure


def shown(figure: Locator) -> tuple[float, float]:
    """Return the part of the time axis that a chart shows, in seconds."""
    start, end = (figure.get_attribute("data-shown") or "0 0").split()
    return float(start), float(end)


def labels(figure: Locator) -> list[str]:
    """Return the labels of all axes."""
    return figure.locator(".role-axis-label text").all_text_contents()


def test_lost_requests_are_filtered_and_searched(opened: Opened) -> None:
    """Choices and words narrow the rows, a word that nothing has leaves none, and all come back."""
    page = opened()
    page.locator("#bare--rolling-update").evaluate("(cell) => { cell.open = true; }")
    table = page.locator("#bare--rolling-update .failures")
    table.scroll_into_view_if_needed()
    rows, result, search = table.locator("tbody tr"), table.get_by_role("status"), table.get_by_role("searchbox")

    expect(result).to_have_text("90 of 90 match")
    expect(rows).to_have_count(10)
    table.get_by_role("button", name="Show 50 more").click()
    expect(rows).to_have_count(60)
    table.get_by_label("Lost as").select_option("status 503")
    expect(result).to_have_text("30 of 90 match")
    assert set(rows.locator("td:nth-child(3)").all_inner_texts()) == {"status 503"}
    search.fill("post sample-0-43")
    expect(result).to_have_text("2 of 90 match")
    search.fill("nothing has this")
    expect(rows).to_have_count(0)
    search.fill("")
    table.get_by_label("Lost as").select_option("")
    expect(result).to_have_text("90 of 90 match")


def test_a_row_opens_its_trace(opened: Opened) -> None:
    """Its events are in order with signed offsets; the row closes again, and leads to its place in the chart."""
    page = opened()
    table = table_of(page)
    button = table.locator("tbody button").first
    button.press("Enter")
    offsets = table.locator(".trace .offset").all_inner_texts()
    values = [float(text.replace(MINUS, "-").replace(",", "").removesuffix(" ms")) for text in offsets]

    expect(button).to_have_attribute("aria-expanded", "true")
    assert values == sorted(values)
    assert {text[0] for text in offsets} == {MINUS, "+"}
    expect(table.locator(".trace")).to_contain_text("outcome: status 503")
    expect(table.locator(".trace")).to_contain_text("terminating")
    table.get_by_role("button", name="Show it in the chart").click()
    start, end = shown_when_drawn(chart_of(page))
    assert start < 4.0 < end < start + 2.1
    expect(chart_of(page).locator(".cursor")).to_have_css("display", "block")
    expect(chart_of(page).locator(".readout strong")).to_have_text("4.000 s")
    button.press("Enter")
    expect(table.locator(".trace")).to_have_count(0)


def shown_when_drawn(figure: Locator) -> tuple[float, float]:
    """Return the shown part of the time axis once the chart was drawn by script."""
    expect(figure.locator(".drawn")).to_be_visible()
    expect(figure).to_have_attribute("data-shown", re.compile(r".+"))
    return shown(figure)


def test_a_chart_is_zoomed_by_dragging_and_by_buttons(opened: Opened) -> None:
    """The axis follows, nothing is drawn outside the plots, and the whole trial comes back."""
    page = opened()
    figure = chart_of(page)
    whole = labels(figure)
    area = figure.locator("g.role-scope .background").first.bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + 0.4 * area["width"], area["y"] + 5)
    page.mouse.down()
    page.mouse.move(area["x"] + 0.6 * area["width"], area["y"] + 5, steps=5)
    page.mouse.up()
    start, end = shown_when_drawn(figure)

    assert (round(start, 1), round(end, 1)) == (4.0, 6.0)
    assert labels(figure) != whole
    clipped = "(each) => document.getElementById(each.getAttribute('clip-path').match(/#(.*)\\)/)[1]) !== null"
    marks = figure.locator(".drawn [clip-path]")
    assert marks.count() > 5
    assert all(marks.nth(index).evaluate(clipped) for index in range(marks.count()))
    figure.get_by_role("button", name="Zoom in").click()
    expect(figure).not_to_have_attribute("data-shown", f"{start:.3f} {end:.3f}")
    assert shown(figure)[1] - shown(figure)[0] == pytest.approx((end - start) / 2, abs=0.01)
    figure.get_by_role("button", name="Show the whole trial").click()
    expect(figure).to_have_attribute("data-shown", "0.000 10.000")
    figure.get_by_role("button", name="Zoom to the first loss").click()
    expect(figure).to_have_attribute("data-shown", "3.000 5.000")


def test_pointing_at_a_chart_says_what_happened(opened: Opened) -> None:
    """The numbers of the moment and the events around it are below the chart."""
    page = opened()
    figure = chart_of(page)
    area = figure.locator("g.role-scope .background").first.bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + 0.41 * area["width"], area["y"] + 5)

    expect(figure.locator(".readout")).to_contain_text("requests sent from 4.00 to 4.25 s: 25, answered 24, lost 1")
    expect(figure.locator(".readout")).to_contain_text("4.100 s apple 66f9…x7k2p: deletion requested")


def test_everything_can_be_done_with_the_keyboard(opened: Opened) -> None:
    """The first stop skips to the content; a chart is read and zoomed, and says what it shows to a screen reader."""
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    figure = chart_of(page)
    figure.locator(".frame").focus()
    page.keyboard.press("ArrowRight")
    expect(figure.locator(".readout")).to_have_attribute("aria-live", "polite")
    expect(figure.locator(".readout strong")).to_have_text("5.100 s")
    page.keyboard.press("+")
    expect(figure).to_have_attribute("data-shown", "2.550 7.550")
    page.keyboard.press("0")
    expect(figure).to_have_attribute("data-shown", "0.000 10.000")
    focusable = page.locator("a[href], button:visible, summary, input, select, [tabindex='0']")
    assert focusable.evaluate_all("(all) => all.filter((each) => each.tabIndex < 0).length") == 0


def test_a_patch_is_copied(opened: Opened) -> None:
    """The clipboard has the patch as it is, although a diff is shown."""
    page = opened()
    remedy = page.locator(".remedy")
    expect(remedy.locator(".plus").last).to_have_text("+  seconds: 6")
    remedy.get_by_role("button", name="Copy the patch").click()
    expect(remedy.get_by_text("Copied")).to_be_visible()

    assert page.evaluate("navigator.clipboard.readText()") == PATCH


def test_a_command_is_copied_without_a_clipboard(opened: Opened) -> None:
    """A browser may refuse access to the clipboard; the text is selected then, and copied in the old way."""
    page = opened()
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('refused')); }")
    remedy = page.locator(".remedy")
    remedy.get_by_role("button", name="Copy the command").click()
    expect(remedy.get_by_text(re.compile(r"Copied|Selected"))).to_be_visible()

    assert page.evaluate("getSelection().toString()") == REMEDY.command


def test_paper_shows_what_is_open(opened: Opened) -> None:
    """Printing opens nothing and leaves out buttons, so that the reader chooses what is on paper."""
    page = opened()
    before = page.locator("details[open]").count()
    some = pages_on_paper(page)
    page.emulate_media(media="print")

    assert page.locator("details[open]").count() == before
    assert page.locator("button:visible").count() == 0
    assert page.evaluate(_BEYOND) == []
    page.evaluate(_OPEN_ALL.replace("true", "false"))
    assert pages_on_paper(page) <= 3 < some


def pages_on_paper(page: Page) -> int:
    """Return how many sheets of A4 a page needs."""
    return len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4")))


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_nothing_is_clipped_at_any_width(opened: Opened, kind: str) -> None:
    """With everything open, no element reaches beyond the window, and the page does not scroll sideways."""
    page = opened(kind)
    page.evaluate(_OPEN_ALL)
    for width in (1300, 1000, 768, 400):
        page.set_viewport_size({"width": width, "height": 900})
        assert (width, page.evaluate(_BEYOND)) == (width, [])
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", DOCUMENTS)
def test_the_page_is_accessible(opened: Opened, kind: str, scheme: str) -> None:
    """No fault is found by axe: landmarks, headings, labels, names, order of focus and contrast of all open parts."""
    page = opened(kind, scheme=scheme)
    page.evaluate(_OPEN_ALL)
    for table in page.locator(".failures").all()[:1]:
        table.scroll_into_view_if_needed()
        table.locator("tbody button").first.click()
    found = Axe().run(page).response["violations"]

    assert [(each["id"], [node["html"][:200] for node in each["nodes"][:3]]) for each in found] == []


def test_the_checks_of_widths_and_accessibility_can_fail(opened: Opened) -> None:
    """They find a wide element, a button without a name, and grey letters on grey."""
    page = opened()
    page.evaluate(
        """() => {
          document.querySelector('h1').style.minWidth = '3000px';
          document.querySelector('button.unfold').textContent = '';
          document.querySelector('.totals').style.cssText = 'color: #888; background: #777';
        }"""
    )

    assert any(each.startswith("H1") for each in page.evaluate(_BEYOND))
    assert {"button-name", "color-contrast"} <= {each["id"] for each in Axe().run(page).response["violations"]}


@pytest.mark.parametrize(
    ("environment", "outcome"), [({}, "Skipped"), ({"CI": "true"}, "Failed"), ({"CI": "true", WITHOUT: "1"}, "Skipped")]
)
def test_a_machine_without_chromium_says_so(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], outcome: str
) -> None:
    """These tests are skipped there, but not unnoticed in continuous integration."""
    for name in ("HARNESS_CHROMIUM", WITHOUT, "CI"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(shutil, "which", lambda name: None)

    with pytest.raises(BaseException, match="there is no Chromium") as raised:
        chromium()
    assert raised.type.__name__ == outcome


def test_without_scripts_everything_is_there(opened: Opened) -> None:
    """The answer, the reasons, charts and lost requests can be read; what needs a script is hidden."""
    page = opened(scripts=False)

    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("#graceful--rolling-update svg.chart").first).to_be_visible()
    expect(page.locator("#graceful--rolling-update .failures tbody tr")).to_have_count(5)
    assert page.locator("button:visible, input:visible").count() == 0


def test_a_link_opens_the_cell_that_it_leads_to(opened: Opened) -> None:
    """A lossy cell of the matrix leads to its reason, and from there to its chart; another one to its chart."""
    page = opened()
    page.get_by_role("link", name=re.compile(r"^bare . rolling-update")).first.click()
    reason = page.locator("#why-bare--rolling-update")
    expect(reason).to_have_attribute("open", "")
    reason.get_by_role("link", name="Chart, account and connections").click()
    expect(page.locator("#bare--rolling-update")).to_have_attribute("open", "")
    page.get_by_role("link", name=re.compile(r"^bare . none")).click()
    expect(page.locator("#bare--none")).to_have_attribute("open", "")


def test_the_policy_forbids_other_scripts(browser: Browser, tmp_path: Path) -> None:
    """A script that got into the page does not run; the page's own do."""
    text = html.render(sample()).replace("</main>", "<script>document.title = 'owned'</script></main>")
    path = tmp_path / "altered.html"
    path.write_text(text, encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())

    assert page.title() != "owned"
    expect(page.locator("button.unfold").first).to_be_visible()


def test_a_section_without_a_chart_needs_no_library() -> None:
    """A page without charts is small."""
    document = replace(sample(), sections=(Section(names=("x",), key="x"),))

    assert len(html.render(document)) < 60_000
