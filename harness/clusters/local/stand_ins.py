"""Stand-ins in an Experiment: pods are annotated with its ``models``, and the report names images that don't run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from harness.kube.pods import pod_of, serving_containers
from harness.localkube.apps.orders import STOP_MODES
from harness.localkube.commands import ARGS, LocalCommand
from harness.localkube.kubelet.images import has_stand_in
from harness.localkube.kubelet.models import ANNOTATION, StandInModel, encode, model_of
from harness.localkube.policies import RUN_KINDS
from harness.model.experiment import Manifest
from harness.wording import listed

#: Fields of a container that do not apply to a command, each with its name in the report.
_NOT_APPLIED = {"command": "command", "args": "args", "securityContext": "security context", "workingDir": "workingDir"}


def with_models(manifest: Manifest, models: Mapping[str, StandInModel]) -> Manifest:
    """Return an object whose pods name their models; one without pods as it is."""
    if not models or pod_of(manifest) is None:
        return manifest
    changed: dict[str, Any] = deepcopy(dict(manifest))
    pod = changed if changed.get("kind") == "Pod" else changed["spec"]["template"]
    metadata = pod["metadata"] = dict(pod.get("metadata") or {})
    metadata["annotations"] = {**(metadata.get("annotations") or {}), ANNOTATION: encode(models)}
    return changed


def describe(
    manifests: Sequence[Manifest], images: Mapping[str, str], commands: Mapping[str, LocalCommand]
) -> tuple[str, ...]:
    """Return a sentence for each image in whose place a stand-in or a command runs.

    Args:
        manifests: Objects of all configurations.
        images: Replacements of images, by name.
        commands: The local commands of the Experiment, by id.
    """
    return tuple(dict.fromkeys(_sentences(manifests, images, commands)))


def _sentences(
    manifests: Sequence[Manifest], images: Mapping[str, str], commands: Mapping[str, LocalCommand]
) -> Iterator[str]:
    for manifest in manifests:
        pod = pod_of(manifest)
        if pod is None or manifest.get("kind") not in RUN_KINDS:
            continue
        for container in serving_containers(pod):
            name = str(container.get("image") or "")
            image = images.get(name, name)
            if not has_stand_in(image):
                continue
            try:
                model = model_of(pod.get("metadata") or {}, image)
            except ValueError:
                continue  # The check of models reports it.
            if model.command:
                if model.command in commands:
                    yield _of_command(image, commands[model.command], container)
                continue
            yield (
                f"{image} is not pulled: a stand-in runs in its place ({model.ending}: it {STOP_MODES[model.ending]}; "
                f"it listens {model.ready:g} s after its start{_of_hooks(model, container)})"
            )


def _of_hooks(model: StandInModel, container: Mapping[str, Any]) -> str:
    """Return what is assumed about the program of a container's exec hooks; empty if nothing is."""
    hooks = container.get("lifecycle")
    actions = hooks.values() if isinstance(hooks, Mapping) else ()
    if not any(isinstance(each, Mapping) and each.get("exec") for each in actions):
        return ""
    if model.shell is None:
        return "; it has the programs of its exec hook, which the image may lack: set shell in models"
    return "" if model.shell else "; it has no shell, so its exec hook fails"


def _of_command(image: str, command: LocalCommand, container: Mapping[str, Any]) -> str:
    """Return the sentence about an image in place of which a command runs."""
    own = {"args"} if ARGS in command.argv else set()
    left = [word for field, word in _NOT_APPLIED.items() if container.get(field) and field not in own]
    without = f"; of its container, {listed(left)} {'do' if len(left) > 1 else 'does'} not apply" if left else ""
    return (
        f"{image} is not pulled: the command {command.shown} runs in its place, as a process of this machine "
        f"with your user and files{without}"
    )
