"""Chromium, for tests of pages in a real browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

#: Milliseconds for Chromium to start.
START_MS = 300_000
#: Milliseconds for a page to show what a test expects. A busy machine may take many seconds to draw a chart.
SHOW_MS = 60_000
#: Names of Chromium in Debian and elsewhere.
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str:
    """Return the path of Chromium.

    Without one, tests are skipped. In continuous integration they fail, unless it has said that there is none.
    """
    path = os.environ.get("HARNESS_CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        missing = "there is no Chromium: install the package `chromium`, or set HARNESS_CHROMIUM to its path"
        if os.environ.get("CI") and not os.environ.get("HARNESS_WITHOUT_BROWSER"):
            pytest.fail(missing)
        pytest.skip(missing)
    return path


@contextmanager
def real_browser() -> Iterator[Browser]:
    """Start Chromium, and end it with the context."""
    path = chromium()
    expect.set_options(timeout=SHOW_MS)
    with sync_playwright() as playwright:
        # In a container /dev/shm may be too small for a page, and on a busy machine a start takes long.
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=path, args=arguments, timeout=START_MS)
        yield browser
        browser.close()
