"""The models of an Experiment: stand-ins, and local commands that run in place of images."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from harness.experiment.problems import Problems
from harness.experiment.schema import ModelPart
from harness.experiment.stages import ParsedExperiment, ResolvedExperiment
from harness.kube.pods import pod_of
from harness.localkube.apps import mounts
from harness.localkube.apps.orders import StopMode
from harness.localkube.commands import PORT, LocalCommand, variables_of
from harness.localkube.kubelet.models import StandInModel, ports_of
from harness.problem_codes import ProblemCode

#: Settings of stand-ins only: a command starts and stops in its own way.
_OF_STAND_INS = ("stop", "ready", "shell")


def models_of(parsed: ParsedExperiment) -> dict[str, StandInModel]:
    """Return the models of the file by their patterns."""
    folder = _folder(parsed)
    return {pattern: _model(part, folder) for pattern, part in _parts(parsed).items()}


def commands_of(parsed: ParsedExperiment) -> dict[str, LocalCommand]:
    """Return the local commands of the file by their ids."""
    commands = [_command(part, _folder(parsed)) for part in _parts(parsed).values() if part.command]
    return {command.id: command for command in commands}


def _parts(parsed: ParsedExperiment) -> Mapping[str, ModelPart]:
    """Return what the file says of models, by their patterns; nothing if its head has errors."""
    return parsed.head.models if parsed.head is not None else {}


def _folder(parsed: ParsedExperiment) -> Path:
    return Path(parsed.document.file).absolute().parent


def _model(part: ModelPart, folder: Path) -> StandInModel:
    command = _command(part, folder).id if part.command else ""
    return StandInModel(StopMode(part.stop), part.ready, tuple(part.ports), part.shell, command)


def _command(part: ModelPart, folder: Path) -> LocalCommand:
    """Return a command with the path of its program: relative to the file, or found in ``PATH``."""
    name, *args = part.command
    program = os.path.normpath(folder / name) if "/" in name else shutil.which(name) or name
    return LocalCommand(str(folder), (program, *args))


def check_models(experiment: ResolvedExperiment, problems: Problems) -> None:
    """Check that the commands of models can run on the cluster, and in place of the images that they are for."""
    for pattern, part in _parts(experiment.parsed).items():
        place = ("models", pattern)
        if not part.command:
            continue
        for name in sorted(part.model_fields_set.intersection(_OF_STAND_INS)):
            hint = "remove it: the program itself decides"
            problems.add(ProblemCode.CONFLICT, (*place, name), f"{name} is for stand-ins, not for a command", hint)
        if not experiment.rules.local_commands:
            message = "a command runs only on the embedded cluster, which this is not"
            hint = "remove the model, since a real cluster pulls the image, or use --cluster local"
            problems.add(ProblemCode.COMMAND_CANNOT_RUN, (*place, "command"), message, hint)
            continue
        for message, hint in _faults(experiment, pattern, part):
            problems.add(ProblemCode.COMMAND_CANNOT_RUN, (*place, "command"), message, hint)


def _faults(experiment: ResolvedExperiment, pattern: str, part: ModelPart) -> Iterator[tuple[str, str]]:
    """Yield why a command cannot run, each with the way out."""
    program = Path(_command(part, _folder(experiment.parsed)).argv[0])
    if not (program.is_file() and os.access(program, os.X_OK)):
        fault = "is not executable" if program.is_file() else "does not exist"
        yield (
            f"the program {part.command[0]} {fault}",
            "write its path relative to this file, or the name of a program in PATH",
        )
    for container in _containers(experiment):
        image = str(container.get("image"))
        if _first(experiment.parsed, image) != pattern:
            continue
        if not experiment.rules.has_stand_in(image):
            yield f"the embedded cluster has the image {image} itself", "give the container the name of your own image"
        if container.get("volumeMounts") and (why := mounts.why_not()):
            hint = "let this user have mount namespaces, remove the volumes, or use a stand-in"
            yield f"the volumes of {image} cannot be mounted on this machine: {why}", hint
        names = {each.get("name") for each in container.get("env") or ()}
        needs_port = PORT in variables_of(part.command) and PORT not in names
        if needs_port and not list(ports_of(StandInModel(ports=tuple(part.ports)), container)):
            yield f"the container of {image} has no port for ${PORT}", "declare its containerPort, or set ports"


def _containers(experiment: ResolvedExperiment) -> Iterator[Mapping[str, Any]]:
    for row in experiment.configurations:
        for manifest in row.configuration.manifests:
            spec = (pod_of(manifest) or {}).get("spec") or {}
            for field in ("initContainers", "containers"):
                found = spec.get(field)
                yield from (each for each in found or () if isinstance(each, Mapping))


def _first(parsed: ParsedExperiment, image: str) -> str:
    """Return the first pattern that matches an image; empty if none does."""
    return next((pattern for pattern in _parts(parsed) if fnmatchcase(image, pattern)), "")


def runs_command(parsed: ParsedExperiment, image: str) -> bool:
    """Return True if a local command runs in place of an image."""
    pattern = _first(parsed, image)
    return bool(pattern) and bool(_parts(parsed)[pattern].command)
