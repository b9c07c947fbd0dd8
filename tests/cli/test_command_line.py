"""Secrets of the command line reach the requests, and no evidence."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli.command_line import conceal_secrets, headers_of
from harness.errors import Problem
from harness.model.secrets import WITHHELD, Secret
from harness.store.records import dump

SECRET = "s3cret"


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        (["--header", f"X-Key: {SECRET}"], ["--header", f"X-Key: {WITHHELD}"]),
        ([f"--header=X-Key: {SECRET}"], [f"--header=X-Key: {WITHHELD}"]),
        (["--header", f"X-Key:{SECRET}"], ["--header", WITHHELD]),
        (["--header", "@keys.txt"], ["--header", "@keys.txt"]),
        (["--user", f"anna:{SECRET}"], ["--user", WITHHELD]),
        ([f"--user=anna:{SECRET}"], [f"--user={WITHHELD}"]),
        ([f"https://anna:{SECRET}@shop.example/a?b=c"], ["https://shop.example/a?b=c"]),
        (["--rate", "50/s", "http://[::1]:80/"], ["--rate", "50/s", "http://[::1]:80/"]),
    ],
)
def test_a_stored_command_has_no_secret(arguments: list[str], kept: list[str]) -> None:
    """Names of headers and files stay, so that a reader can repeat the command."""
    assert conceal_secrets(arguments) == kept


def test_headers_come_from_all_places(tmp_path: Path) -> None:
    """Options, files and logins add up; comments and empty lines of a file are skipped."""
    file = tmp_path / "headers"
    file.write_text(f"# of the staging system\n\nX-Key: {SECRET}\n")
    problems: list[Problem] = []
    found = headers_of([f"@{file}", "X-Tenant: 7"], "anna:pear", ["https://anna:pear@shop.example/"], problems)

    assert not problems
    assert dict(found) == {"X-Key": SECRET, "X-Tenant": "7", "Authorization": "Basic YW5uYTpwZWFy"}
    assert all(isinstance(value, Secret) for _, value in found)
    assert SECRET.encode() not in dump({"headers": found})
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    ("texts", "user", "urls", "message"),
    [
        ([SECRET], "", [], "expected 'NAME: VALUE'"),
        ([f"Host: {SECRET}"], "", [], "Host is a header of the client's own"),
        ([f"X Key: {SECRET}"], "", [], "can't be the name of a header"),
        ([f"X-Key: {SECRET}\x07"], "", [], "visible ASCII"),
        ([f"X-Key: {SECRET}", "x-key: 2"], "", [], "x-key is given twice"),
        (["@/nowhere/at/all"], "", [], "can't be read"),
        ([], SECRET, [], "expected NAME:PASSWORD"),
        ([], "a:b", [f"http://c:{SECRET}@x/"], "several logins"),
        ([f"Authorization: {SECRET}"], "a:b", [], "Authorization is given twice"),
    ],
)
def test_a_wrong_header_is_reported_without_its_value(
    texts: list[str], user: str, urls: list[str], message: str
) -> None:
    """The message names the fault; it may end up in a CI log."""
    problems: list[Problem] = []
    headers_of(texts, user, urls, problems)

    assert [message in problem.message for problem in problems] == [True]
    assert SECRET not in str(problems[0])
