"""Reads secrets from the command line, and describes the command for evidence without them."""

from __future__ import annotations

import base64
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from harness.errors import Problem
from harness.experiment.header_rules import fault_of
from harness.model.secrets import WITHHELD, Secret

#: Options whose value is secret.
_SECRET = ("--header", "--user")


def own_command() -> str:
    """Return this process's command line without secrets, for evidence and reports."""
    return shlex.join(["harness", *conceal_secrets(sys.argv[1:])])


def conceal_secrets(arguments: Sequence[str]) -> list[str]:
    """Return arguments with ``WITHHELD`` in place of each secret: values of headers, logins, logins in URLs."""
    kept = []
    for before, argument in zip(["", *arguments], arguments, strict=False):
        option, given, value = argument.partition("=")
        if option in _SECRET and given:
            kept.append(f"{option}={_without_value(value)}")
        elif before in _SECRET:
            kept.append(_without_value(argument))
        else:
            kept.append(without_login(argument))
    return kept


def without_login(url: str) -> str:
    """Return a URL without ``NAME:PASSWORD@``; any other text is returned unchanged."""
    try:
        split = urlsplit(url)
    except ValueError:
        return url
    if not split.scheme or "@" not in split.netloc:
        return url
    return urlunsplit(split._replace(netloc=split.netloc.rpartition("@")[2]))


def headers_of(
    texts: Sequence[str], user: str, urls: Sequence[str], problems: list[Problem]
) -> tuple[tuple[str, Secret], ...]:
    """Return the headers of each request.

    Args:
        texts: Values of ``--header``: ``NAME: VALUE`` or ``@FILE``.
        user: Value of ``--user``; empty for none.
        urls: The URLs, of which each can have a login.
        problems: Receives invalid values.
    """
    lines = [line for text in texts for line in _lines(text, problems)]
    found: dict[str, tuple[str, Secret]] = {}
    logins = {login for url in urls if (login := _login_in(url))} | ({user} if user else set())
    if len(logins) > 1:
        problems.append(Problem("several logins are given", hint="all URLs of one command get the same one"))
    for login in logins if len(logins) == 1 else ():
        if ":" not in login:
            problems.append(Problem("--user: expected NAME:PASSWORD"))
        lines.append(f"Authorization: Basic {base64.b64encode(login.encode()).decode()}")
    for line in lines:
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon:
            problems.append(Problem("--header: expected 'NAME: VALUE'", hint="or @FILE with one header per line"))
        elif fault := fault_of(name, value):
            problems.append(Problem(f"--header: {fault.message}", hint=fault.hint))
        elif name.lower() in found:
            problems.append(Problem(f"the header {name} is given twice"))
        else:
            found[name.lower()] = (name, Secret(value))
    return tuple(found.values())


def _without_value(text: str) -> str:
    if text.startswith("@"):
        return text
    name, colon, _ = text.partition(": ")
    return f"{name}: {WITHHELD}" if colon else WITHHELD


def _lines(text: str, problems: list[Problem]) -> list[str]:
    """Return the headers that a value of ``--header`` stands for."""
    if not text.startswith("@"):
        return [text]
    try:
        lines = Path(text[1:]).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        problems.append(Problem(f"--header {text} can't be read: {reason}"))
        return []
    return [line for line in lines if line.strip() and not line.startswith("#")]


def _login_in(url: str) -> str:
    """Return the login in a URL, decoded; empty if it has none."""
    try:
        login, at, _ = urlsplit(url).netloc.rpartition("@")
    except ValueError:
        return ""
    return unquote(login) if at else ""
