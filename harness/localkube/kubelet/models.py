"""Models of stand-ins, which run in place of images that the embedded cluster does not have.

An annotation of a pod assigns models by patterns of image names; a label assigns one way to stop to all its containers.
Without either, the default applies: the way to stop that loses the most requests.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from harness.localkube.apps.orders import Orders, StopMode
from harness.localkube.kubelet.images import Image, OnSigterm, lacks_shell
from harness.localkube.machinery.objects import Object

#: Label of a pod that sets the way to stop of all its stand-ins.
LABEL = "localkube/model"
#: Annotation of a pod that sets the models of its stand-ins by image name, as JSON.
ANNOTATION = "localkube/models"

#: Programs that a hook may call in a stand-in: they take time or print, but do not affect requests.
HOOK_PROGRAMS = frozenset({"sleep", "true", "echo", "printf", "date", "exit", ":"})
_SHELLS = frozenset({"sh", "bash", "ash", "/bin/sh", "/bin/bash", "/bin/ash", "/usr/bin/sh", "/usr/bin/bash"})
_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
_SEPARATORS = re.compile(r"&&|\|\||[;\n|&]")


@dataclass(frozen=True, slots=True)
class StandInModel:
    """The behaviour of a stand-in.

    Attributes:
        ending: Its reaction to SIGTERM.
        ready: Seconds from its start until it listens.
        ports: Ports on which it listens in addition to those that the container declares.
        shell: True if the image has a shell and ``sleep``; False if exec hooks fail, as in an image without them.
            None if it is not set: it has them, unless the image is known to lack them.
        command: Id of the local command that runs instead of the stand-in; empty if none does.
    """

    ending: StopMode = StopMode.CLOSES_AT_ONCE
    ready: float = 1.0
    ports: tuple[int, ...] = ()
    shell: bool | None = None
    command: str = ""

    @property
    def image(self) -> Image:
        """Return the image with this behaviour."""
        shell = self.shell is not False
        if self.command:
            return Image("local command", "", (), 0, shell=shell, stop=OnSigterm.PATIENT)
        return Image("stand-in", "stand-in", (), 0, shell=shell, stop=_STOPS[self.ending])


DEFAULT = StandInModel()

_STOPS: Mapping[StopMode, OnSigterm] = {
    StopMode.DRAINS: OnSigterm.PATIENT,
    StopMode.CLOSES_AT_ONCE: OnSigterm.FAST,
    StopMode.IGNORES_SIGTERM: OnSigterm.IGNORED,
    StopMode.EXITS_LATE: OnSigterm.PATIENT,
}


def encode(models: Mapping[str, StandInModel]) -> str:
    """Encode models by image pattern as the annotation's value."""
    plain = {pattern: asdict(model) for pattern, model in models.items()}
    for each in plain.values():
        if not each["command"]:
            del each["command"]
    return json.dumps(plain)


def model_of(metadata: Mapping[str, Any], image: str) -> StandInModel:
    """Return the model of a pod's container.

    Args:
        metadata: The pod's metadata.
        image: The container's image; the first matching pattern applies.

    Raises:
        ValueError: The label or the annotation cannot be parsed.
    """
    patterns = _read(str((metadata.get("annotations") or {}).get(ANNOTATION) or "{}"))
    found = next((model for pattern, model in patterns.items() if fnmatchcase(image, pattern)), DEFAULT)
    if found.shell is None and lacks_shell(image):
        found = replace(found, shell=False)
    word = (metadata.get("labels") or {}).get(LABEL)
    if word is None:
        return found
    try:
        return replace(found, ending=StopMode(word))
    except ValueError:
        raise ValueError(f"label {LABEL}: expected one of {', '.join(StopMode)}, got {word!r}") from None


def _read(text: str) -> dict[str, StandInModel]:
    try:
        return {
            pattern: StandInModel(
                StopMode(each["ending"]),
                float(each["ready"]),
                tuple(each["ports"]),
                None if each["shell"] is None else bool(each["shell"]),
                str(each.get("command") or ""),
            )
            for pattern, each in json.loads(text).items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"annotation {ANNOTATION}: {error}") from None


def orders(model: StandInModel, pod: Object, container: Object, certificate: str = "") -> Orders:
    """Return the configuration of a container's stand-in.

    Args:
        model: Its model.
        pod: Its pod.
        container: Its container.
        certificate: Path of its certificate for HTTPS; empty for none.
    """
    secure, plain = (frozenset(_probed_by_http(container, scheme)) for scheme in ("HTTPS", "HTTP"))
    return Orders(
        model.ending,
        model.ready,
        tuple(ports_of(model, container)),
        identity(pod, container),
        secure=tuple(sorted(secure - plain)),
        plain=tuple(sorted(plain - secure)),
        certificate=certificate,
        grpc=any((container.get(kind) or {}).get("grpc") for kind in _PROBES),
    )


def _probed_by_http(container: Mapping[str, Any], scheme: str) -> Iterator[int]:
    """Yield the ports to which a probe or hook sends HTTP or HTTPS requests, since the real program speaks it there."""
    hooks = container.get("lifecycle") or {}
    actions = [container.get(kind) or {} for kind in _PROBES] + [hooks.get(hook) or {} for hook in hooks]
    for get in (each["httpGet"] for each in actions if each.get("httpGet")):
        number = port_number(container, get.get("port"))
        if number and not get.get("host") and (get.get("scheme") or "HTTP") == scheme:
            yield number


def port_number(container: Mapping[str, Any], port: int | str | None) -> int | None:
    """Return the number of a port given by number or by the container's name for it; None if it has no such port."""
    if isinstance(port, int) or str(port).isdigit():
        return int(str(port))
    named = (int(each["containerPort"]) for each in container.get("ports") or () if each.get("name") == port)
    return next(named, None) if port else None


def ports_of(model: StandInModel, container: Mapping[str, Any]) -> Iterator[int]:
    """Yield the ports on which a stand-in listens, each once.

    These are the TCP ports that the container declares and those of its model. A container without either is assumed to
    listen on the ports of its probes.
    """
    declared = [
        int(port["containerPort"]) for port in container.get("ports") or () if port.get("protocol", "TCP") == "TCP"
    ]
    yield from dict.fromkeys([*declared, *model.ports] or _probed(container))


def _probed(container: Mapping[str, Any]) -> Iterator[int]:
    for kind in _PROBES:
        probe = container.get(kind) or {}
        for action in ("httpGet", "tcpSocket", "grpc"):
            port = (probe.get(action) or {}).get("port")
            if isinstance(port, int):
                yield port


def identity(pod: Object, container: Object) -> str:
    """Return the text that a stand-in answers: its Deployment (or pod), version, pod and container."""
    metadata = pod["metadata"]
    labels = metadata.get("labels") or {}
    owner = next((each["name"] for each in metadata.get("ownerReferences") or () if each.get("controller")), "")
    owner = owner.removesuffix(f"-{labels.get('pod-template-hash', '')}") or metadata["name"]
    words = {
        "app": owner,
        "version": version(container["image"]),
        "pod": metadata["name"],
        "container": container["name"],
    }
    return " ".join(f"{name}={value}" for name, value in words.items())


def version(image: str) -> str:
    """Return the tag of an image, by default ``latest``; a digest is omitted."""
    name = image.partition("@")[0].rpartition("/")[2]
    return name.partition(":")[2] or "latest"


def unavailable_program(command: Sequence[str]) -> str:
    """Return the first program of a hook's command that a stand-in lacks; empty if it has all of them."""
    if not command:
        return ""
    if command[0] in _SHELLS:
        script = next((command[at + 1] for at, word in enumerate(command[:-1]) if word in {"-c", "-ec", "-xc"}), "")
        return next((name for name in _programs(script) if name not in HOOK_PROGRAMS), "")
    name = command[0].rpartition("/")[2]
    return "" if name in HOOK_PROGRAMS else command[0]


def _programs(script: str) -> Iterator[str]:
    """Yield the program of each simple command of a script; yield the whole script if it has other forms."""
    if any(mark in script for mark in "$`(){}<>"):
        yield script
        return
    for part in _SEPARATORS.split(script):
        try:
            words = shlex.split(part)
        except ValueError:
            yield script
            return
        if words:
            yield words[0].rpartition("/")[2]
