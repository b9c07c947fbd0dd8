"""The images that the local cluster has: nothing is pulled, so what is not here can't run.

The http-echo images honour one variable that the genuine ones do not: ``START_DELAY``, seconds from the start of the
process until its listener opens (see ``apps.launch``), to show what a slow start without a readiness probe loses.
``harness/slow-echo`` is an image of our own; ``kind-config/apps/slow-echo`` makes the same for real clusters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harness.localkube.apps.launch import IGNORE_SIGTERM
from harness.localkube.system.programs import INGRESS_PROGRAMS


class Stop(StrEnum):
    """What a container of an image does when it gets SIGTERM."""

    GRACEFUL = "closes its listener, finishes what is in flight for up to 5 s"
    PATIENT = "closes its listener, finishes what is in flight however long that takes"
    FAST = "closes listener and connections at once"
    DEAF = "takes no notice and serves until SIGKILL"


@dataclass(frozen=True, slots=True)
class Image:
    """What stands behind an image's name.

    Attributes:
        name: As people write it.
        app: The application, as the fork server knows it.
        programs: Names under which a container's ``command`` may call the application.
        port: Port it listens on unless told otherwise.
        shell: Whether it has a shell and other programs; without, every exec fails.
        stop: What SIGTERM does.
        env: Environment that the image sets.
    """

    name: str
    app: str
    programs: tuple[str, ...]
    port: int
    shell: bool
    stop: Stop
    env: Mapping[str, str] = field(default_factory=dict)


_ECHO = ("/http-echo", "http-echo")
_TEXT = {"ECHO_TEXT": "hello-world"}
_HTTP_ECHO_1 = Image("hashicorp/http-echo:1.0", "http-echo", _ECHO, 5678, shell=False, stop=Stop.GRACEFUL, env=_TEXT)
_HTTP_ECHO_0 = Image(
    "hashicorp/http-echo:0.2.3", "http-echo", _ECHO, 5678, shell=False, stop=Stop.DEAF, env={IGNORE_SIGTERM: "1"}
)
_SLOW_ECHO = Image(
    "harness/slow-echo:1", "slow-echo", ("/slow-echo", "slow-echo"), 5678, shell=False, stop=Stop.PATIENT, env=_TEXT
)
_NGINX_HOSTNAME = Image(  # noqa: S604 - says that it has a shell, calls none
    "xds2000/nginx-hostname:latest", "nginx-hostname", ("/usr/sbin/nginx", "nginx"), 80, shell=True, stop=Stop.FAST
)

#: Every image, by a pattern that its repository and tag must match in full.
_PATTERNS: Mapping[str, Image] = {
    r"hashicorp/http-echo:(latest|1(\.\d+)*)": _HTTP_ECHO_1,
    r"hashicorp/http-echo:0\.2\.3": _HTTP_ECHO_0,
    r"harness/slow-echo:(latest|1(\.\d+)*)": _SLOW_ECHO,
    r"xds2000/nginx-hostname:.+": _NGINX_HOSTNAME,
}

#: An image's name as a container runtime takes it, with a tag and a digest if it has them.
_NAME = (
    r"(?:[a-zA-Z0-9.-]+(?::\d+)?/)?[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
    r"(?::[\w][\w.-]{0,127})?(?:@[A-Za-z0-9]+:[0-9a-fA-F]{32,})?"
)

#: Images of what belongs to the cluster itself; a workload can't have them. Their applications run in the node's own
#: process (``harness.localkube.system``), and their one program is what a preStop hook calls.
_SYSTEM: Mapping[str, Image] = {
    program.images: Image(  # noqa: S604 - says that it has a shell, calls none
        program.image.rpartition(":")[0], program.app, (), 80, shell=True, stop=Stop.PATIENT
    )
    for program in INGRESS_PROGRAMS.values()
}

#: The images by the name people know them by, for messages.
KNOWN_IMAGES: Mapping[str, Image] = {image.name: image for image in _PATTERNS.values()}


def has_stand_in(name: str) -> bool:
    """Return whether a stand-in runs in place of an image.

    One does for every image of a repository that is not known here. An unknown tag of a known repository is taken for
    one that does not exist.
    """
    plain = name.removeprefix("docker.io/").partition("@")[0]
    head, slash, last = plain.rpartition("/")
    repository = f"{head}{slash}{last.partition(':')[0]}"
    return bool(re.fullmatch(_NAME, name)) and not any(repository == pattern.partition(":")[0] for pattern in _PATTERNS)


def find_image(name: str, *, system: bool = False) -> Image | None:
    """The image of this name (``docker.io/`` may lead it, no tag means ``latest``), or None if nobody knows it.

    Args:
        name: As a container has it.
        system: Whether the pod belongs to the cluster itself.
    """
    known = {**_PATTERNS, **_SYSTEM} if system else _PATTERNS
    plain = name.removeprefix("docker.io/").partition("@")[0]
    tagged = plain if ":" in plain.rpartition("/")[2] else f"{plain}:latest"
    return next((image for pattern, image in known.items() if re.fullmatch(pattern, tagged)), None)
