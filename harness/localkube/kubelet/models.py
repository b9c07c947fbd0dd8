"""Models: the behaviour of the stand-ins that run in place of images which the embedded cluster does not have.

A pod names its models in an annotation, by patterns of image names, or one for all of its containers in a label.
Without either it gets the default, which is the behaviour that loses the most.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

from harness.localkube.apps.orders import Ending, Orders
from harness.localkube.kubelet.images import Image, Stop
from harness.localkube.machinery.objects import Object

#: The label of a pod that gives all of its stand-ins one way to stop.
LABEL = "localkube/model"
#: The annotation of a pod that gives its stand-ins models by the names of their images, as JSON.
ANNOTATION = "localkube/models"

#: Programs that a hook may call in a stand-in: they take time or print, and change nothing that decides about requests.
HOOK_PROGRAMS = frozenset({"sleep", "true", "echo", "printf", "date", "exit", ":"})
_SHELLS = frozenset({"sh", "bash", "ash", "/bin/sh", "/bin/bash", "/bin/ash", "/usr/bin/sh", "/usr/bin/bash"})
_SEPARATORS = re.compile(r"&&|\|\||[;\n|&]")


@dataclass(frozen=True, slots=True)
class Model:
    """The behaviour of a stand-in.

    Attributes:
        ending: How it stops.
        ready: Seconds from its start until it listens.
        ports: Ports that it listens on besides those that the container declares.
        shell: The image has a shell and ``sleep``; without, an exec hook fails as it does in an image without them.
    """

    ending: Ending = Ending.CLOSES_AT_ONCE
    ready: float = 1.0
    ports: tuple[int, ...] = ()
    shell: bool = True

    @property
    def image(self) -> Image:
        """The image that it amounts to."""
        return Image("stand-in", "stand-in", (), 0, shell=self.shell, stop=_STOPS[self.ending])


DEFAULT = Model()

_STOPS: Mapping[Ending, Stop] = {
    Ending.DRAINS: Stop.PATIENT,
    Ending.CLOSES_AT_ONCE: Stop.FAST,
    Ending.IGNORES_SIGTERM: Stop.DEAF,
    Ending.EXITS_LATE: Stop.PATIENT,
}


def encode(models: Mapping[str, Model]) -> str:
    """Return models by image pattern as the annotation's value."""
    return json.dumps({pattern: asdict(model) for pattern, model in models.items()})


def model_of(metadata: Mapping[str, Any], image: str) -> Model:
    """Return the model of a pod's container.

    Args:
        metadata: The pod's.
        image: The container's image; the first pattern that it matches counts.

    Raises:
        ValueError: The label or the annotation cannot be read.
    """
    patterns = _read(str((metadata.get("annotations") or {}).get(ANNOTATION) or "{}"))
    found = next((model for pattern, model in patterns.items() if fnmatchcase(image, pattern)), DEFAULT)
    word = (metadata.get("labels") or {}).get(LABEL)
    if word is None:
        return found
    try:
        return Model(Ending(word), found.ready, found.ports, found.shell)
    except ValueError:
        raise ValueError(f"label {LABEL}: expected one of {', '.join(Ending)}, got {word!r}") from None


def _read(text: str) -> dict[str, Model]:
    try:
        return {
            pattern: Model(Ending(each["ending"]), float(each["ready"]), tuple(each["ports"]), bool(each["shell"]))
            for pattern, each in json.loads(text).items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"annotation {ANNOTATION}: {error}") from None


def orders(model: Model, pod: Object, container: Object) -> Orders:
    """Return what the stand-in of a container does."""
    return Orders(model.ending, model.ready, tuple(ports_of(model, container)), identity(pod, container))


def ports_of(model: Model, container: Mapping[str, Any]) -> Iterator[int]:
    """Yield the ports that a stand-in listens on, each once.

    These are the TCP ports that the container declares and those of its model. A container without either is taken to
    listen where its probes look.
    """
    declared = [
        int(port["containerPort"]) for port in container.get("ports") or () if port.get("protocol", "TCP") == "TCP"
    ]
    yield from dict.fromkeys([*declared, *model.ports] or _probed(container))


def _probed(container: Mapping[str, Any]) -> Iterator[int]:
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
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
    """Return the tag of an image, ``latest`` where it has none; a digest is left out."""
    name = image.partition("@")[0].rpartition("/")[2]
    return name.partition(":")[2] or "latest"


def unavailable_program(command: Sequence[str]) -> str:
    """Return the first program of a hook's command that a stand-in does not have; empty where it has them all."""
    if not command:
        return ""
    if command[0] in _SHELLS:
        script = next((command[at + 1] for at, word in enumerate(command[:-1]) if word in {"-c", "-ec", "-xc"}), "")
        return next((name for name in _programs(script) if name not in HOOK_PROGRAMS), "")
    name = command[0].rpartition("/")[2]
    return "" if name in HOOK_PROGRAMS else command[0]


def _programs(script: str) -> Iterator[str]:
    """Yield the program of each simple command in a script; all of it where the script has other forms."""
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
