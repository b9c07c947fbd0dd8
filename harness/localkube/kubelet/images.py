"""The images that the local cluster can run. No image is pulled.

The http-echo images read one variable that the original images do not: ``START_DELAY``, seconds from the start of the
process until its listener opens (see ``apps.launch``). It shows how many requests a slow start without a readiness
probe loses. ``harness/echo`` and ``harness/slow-echo`` are images of our own; ``kind-config/apps`` builds the same for
real clusters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harness.localkube.apps.launch import IGNORE_SIGTERM
from harness.localkube.system.programs import INGRESS_PROGRAMS


class OnSigterm(StrEnum):
    """The reaction of a container to SIGTERM."""

    GRACEFUL = "closes its listener, finishes requests in flight for up to 5 s"
    PATIENT = "closes its listener, finishes requests in flight without a time limit"
    FAST = "closes listener and connections at once"
    IGNORED = "ignores SIGTERM and serves until SIGKILL"


@dataclass(frozen=True, slots=True)
class Image:
    """An image that the local cluster can run, and the program that runs for it.

    Attributes:
        name: As users write it.
        app: The application's name in the fork server.
        programs: Names under which a container's ``command`` may call the application.
        port: Port on which it listens by default.
        shell: True if it has a shell and other programs; without them every exec fails.
        stop: Its reaction to SIGTERM.
        env: Environment that the image sets.
    """

    name: str
    app: str
    programs: tuple[str, ...]
    port: int
    shell: bool
    stop: OnSigterm
    env: Mapping[str, str] = field(default_factory=dict)


_ECHO = ("/http-echo", "http-echo")
_TEXT = {"ECHO_TEXT": "hello-world"}
_HTTP_ECHO_1 = Image(
    "hashicorp/http-echo:1.0", "http-echo", _ECHO, 5678, shell=False, stop=OnSigterm.GRACEFUL, env=_TEXT
)
_HTTP_ECHO_0 = Image(
    "hashicorp/http-echo:0.2.3",
    "http-echo",
    _ECHO,
    5678,
    shell=False,
    stop=OnSigterm.IGNORED,
    env={IGNORE_SIGTERM: "1"},
)
_OWN_ECHO = Image(
    "harness/echo:1", "http-echo", ("/echo", "echo"), 5678, shell=False, stop=OnSigterm.GRACEFUL, env=_TEXT
)
_SLOW_ECHO = Image(
    "harness/slow-echo:1",
    "slow-echo",
    ("/slow-echo", "slow-echo"),
    5678,
    shell=False,
    stop=OnSigterm.PATIENT,
    env=_TEXT,
)
_NGINX_HOSTNAME = Image(  # noqa: S604 - states that the image has a shell, calls none
    "xds2000/nginx-hostname:latest",
    "nginx-hostname",
    ("/usr/sbin/nginx", "nginx"),
    80,
    shell=True,
    stop=OnSigterm.FAST,
)

#: Every image, by a pattern that must match its full repository and tag.
_PATTERNS: Mapping[str, Image] = {
    r"hashicorp/http-echo:(latest|1(\.\d+)*)": _HTTP_ECHO_1,
    r"hashicorp/http-echo:0\.2\.3": _HTTP_ECHO_0,
    r"harness/echo:(latest|1(\.\d+)*)": _OWN_ECHO,
    r"harness/slow-echo:(latest|1(\.\d+)*)": _SLOW_ECHO,
    r"xds2000/nginx-hostname:.+": _NGINX_HOSTNAME,
}

#: Images of others that consist of one program, by a pattern of their names without a digest.
_WITHOUT_SHELL = (
    r"gcr\.io/distroless/(?!.*:.*debug).+",
    r"(traefik|containous)/whoami(:.+)?",
    r"cloudflare/cloudflared(:.+)?",
    r"(registry\.k8s\.io|k8s\.gcr\.io)/(pause|coredns/coredns)(:.+)?",
)

#: Pattern of the image names that a container runtime accepts, with optional tag and digest.
_NAME = (
    r"(?:[a-zA-Z0-9.-]+(?::\d+)?/)?[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
    r"(?::[\w][\w.-]{0,127})?(?:@[A-Za-z0-9]+:[0-9a-fA-F]{32,})?"
)

#: Images of the cluster's own pods; workloads cannot use them. Their applications run in the node's own process
#: (``harness.localkube.system``), and their only program is the one that a preStop hook calls.
_SYSTEM: Mapping[str, Image] = {
    program.images: Image(  # noqa: S604 - states that the image has a shell, calls none
        program.image.rpartition(":")[0], program.app, (), 80, shell=True, stop=OnSigterm.PATIENT
    )
    for program in INGRESS_PROGRAMS.values()
}

#: The images by their usual names, for messages.
KNOWN_IMAGES: Mapping[str, Image] = {image.name: image for image in _PATTERNS.values()}


def lacks_shell(name: str) -> bool:
    """Return True if an image is known to have neither a shell nor ``sleep``; False if nothing is known about it."""
    return any(re.fullmatch(pattern, _plain(name)) for pattern in _WITHOUT_SHELL)


def has_stand_in(name: str) -> bool:
    """Return True if a stand-in runs in place of an image.

    This is the case for every image of an unknown repository. An unknown tag of a known repository counts as an image
    that does not exist.
    """
    head, slash, last = _plain(name).rpartition("/")
    repository = f"{head}{slash}{last.partition(':')[0]}"
    return bool(re.fullmatch(_NAME, name)) and not any(repository == pattern.partition(":")[0] for pattern in _PATTERNS)


def find_image(name: str, *, system: bool = False) -> Image | None:
    """Return the image of this name, or None if it is unknown.

    ``docker.io/`` may precede it, and a missing tag means ``latest``.

    Args:
        name: As in a container's spec.
        system: True for a pod of the cluster itself.
    """
    known = {**_PATTERNS, **_SYSTEM} if system else _PATTERNS
    plain = _plain(name)
    tagged = plain if ":" in plain.rpartition("/")[2] else f"{plain}:latest"
    return next((image for pattern, image in known.items() if re.fullmatch(pattern, tagged)), None)


def _plain(name: str) -> str:
    """Return the name of an image without its digest and without the default registry."""
    return name.removeprefix("docker.io/").partition("@")[0]
