"""Rules for the headers that users add to requests, in Experiment files and on the command line."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.problem_codes import ProblemCode

#: RFC 9110, 5.1: names of headers and cookies.
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: RFC 9110, 5.5: values of headers, without those that only some servers accept.
_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?")
#: Headers that the client sets itself -> the hint for a user who sets one.
_OWN = {
    "host": "write host: next to path:, or --host on the command line",
    "x-request-id": "it names the attempt, so that every log can be searched for it",
    "content-length": "it belongs to the body of the request",
    "content-type": "it belongs to the body of the request",
    "transfer-encoding": "it belongs to the body of the request",
    "connection": "the setting connections decides which connections are kept",
    "keep-alive": "the setting connections decides which connections are kept",
    "upgrade": "requests are HTTP/1.1",
    "expect": "requests are sent at once",
    "te": "requests are HTTP/1.1",
    "trailer": "requests have none",
}


@dataclass(frozen=True, slots=True)
class HeaderFault:
    """A fault of one header.

    Attributes:
        code: Code of the problem.
        message: The fault as text; it never contains the value.
        hint: The way out; empty if the message says it.
    """

    code: ProblemCode
    message: str
    hint: str = ""


def fault_of(name: str, value: str) -> HeaderFault | None:
    """Return the fault of a header that HTTP or this client does not allow; None if there is none."""
    if not TOKEN.fullmatch(name):
        return HeaderFault(ProblemCode.WRONG_VALUE, f"{name!r} can't be the name of a header")
    if name.lower() in _OWN:
        return HeaderFault(ProblemCode.RESERVED_HEADER, f"{name} is a header of the client's own", _OWN[name.lower()])
    if not _VALUE.fullmatch(value):
        message = f"this can't be the value of the header {name}: visible ASCII, with spaces only inside"
        return HeaderFault(ProblemCode.WRONG_VALUE, message)
    return None
