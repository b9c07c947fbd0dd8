"""The page: one HTML file with its style, script and texts, which loads nothing from anywhere else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import jinja2
import yaml

#: Languages of the page; the first is the default.
LANGUAGES = ("en", "zh")


def render_page(view: Mapping[str, Any] | None, nonce: str = "") -> str:
    """Return the page.

    Args:
        view: The state of a session, for a file that needs no server; None for a page that follows a server.
        nonce: Nonce of the page's style and script; empty for a file.
    """
    return _template().render(
        style=_read("page.css"),
        script=_read("page.js"),
        texts=_embedded({language: page_texts(language) for language in LANGUAGES}),
        state=_embedded(view) if view is not None else "null",
        nonce=nonce,
    )


@cache
def page_texts(language: str) -> Mapping[str, str]:
    """Return the page's texts in a language, by name."""
    found: dict[str, str] = yaml.safe_load(_read(f"{language}.yaml"))
    return found


@cache
def _template() -> jinja2.Template:
    return jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(_read("page.html.j2"))


def _read(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _embedded(value: Any) -> str:
    """Return JSON that is safe inside a script element: no text in it can end the element."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
