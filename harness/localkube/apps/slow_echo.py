"""Implement ``harness/slow-echo``: an http-echo with delays on request, so that requests are in flight at a change.

``?delay=2s`` (or ``250ms``) in the query delays the response. It stops as gracefully as an application can: SIGTERM
closes the listener, and requests in flight have no time limit. Only the grace period can cut them off.

The same file is the program of the image for real clusters (``kind-config/apps/slow-echo``).
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
from urllib.parse import parse_qs

from harness.localkube.apps import http_echo
from harness.localkube.apps.http_parser import Request
from harness.localkube.apps.http_server import Answer, Response
from harness.localkube.apps.launch import Launch

_DELAY = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")
_LONGEST = 600.0


def main(launch: Launch) -> int:
    """Serve until stopped; return the exit code."""
    return http_echo.run(launch, _slowly, None)


def delay_of(target: str) -> float:
    """Return the delay in seconds that a request's query asks for; 0 if it does not.

    Raises:
        ValueError: The delay is not a duration, or longer than ten minutes.
    """
    values = parse_qs(target.partition("?")[2], keep_blank_values=True).get("delay")
    if not values:
        return 0.0
    match = _DELAY.fullmatch(values[-1])
    seconds = float(match[1]) / (1000 if match[2] == "ms" else 1) if match else _LONGEST + 1
    if seconds > _LONGEST:
        raise ValueError(f"delay={values[-1]}: expected a duration such as 2s or 250ms, {_LONGEST:.0f}s at most")
    return seconds


def _slowly(answer: Answer) -> Answer:
    def answer_slowly(request: Request, peer: str) -> Response:
        response = answer(request, peer)
        try:
            return replace(response, delay=delay_of(request.target))
        except ValueError as error:
            return Response(400, f"{error}\n".encode())

    return answer_slowly


if __name__ == "__main__":
    # In a real container, where every address belongs to the pod.
    sys.exit(main(Launch(tuple(sys.argv[1:]), os.environ, os.environ.get("POD_IP", "0.0.0.0"))))  # noqa: S104 - see above
