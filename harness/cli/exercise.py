"""``harness exercise``: a guided exercise in the terminal and on the page."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Console

from harness.cli.json_option import AsJson, print_json
from harness.cli.kind_options import Image, Images, KubeProxy, NodeImage
from harness.cli.play import (
    Kind,
    NoBrowser,
    Out,
    PagePort,
    announce,
    cluster_options,
    exit_code_of,
    session_output,
    show_access,
    show_end,
)
from harness.cli.watch_progress import leave_at_once
from harness.errors import InvalidInputError, Problem
from harness.exercises.guide import Guide
from harness.exercises.progress import SavedProgress
from harness.exercises.steps import NUMBERS, Exercise, all_objects_of, load_exercise, objects_of
from harness.exercises.texts import LANGUAGES, load_texts
from harness.exercises.walk import Walk
from harness.kit import interruption
from harness.play.session import PlaySession, SessionRequest, run_session
from harness.report.outputs import ExerciseOutput, ExerciseStepOutput, StepResultOutput
from harness.report.written_files import fields_of
from harness.runner.deploy import images_of
from harness.runner.images import read_images


def exercise(
    number: Annotated[int, typer.Argument(metavar="1|2|3", help="Number of the exercise.", show_default=False)],
    step: Annotated[int, typer.Option(help="Begin with this step.", show_default="first unfinished")] = 0,
    only: Annotated[bool, typer.Option("--only", help="End after one step.")] = False,
    lang: Annotated[str, typer.Option(help=f"Language: {', '.join(LANGUAGES)}.")] = "en",
    auto: Annotated[bool, typer.Option("--auto", help="Predict right, and type every command.")] = False,
    show_list: Annotated[
        bool, typer.Option("--list", help="List the steps with your results. Starts nothing.")
    ] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Forget your results first.")] = False,
    cluster: Kind = "local",
    port: PagePort = 0,
    no_browser: NoBrowser = False,
    out: Out = None,
    kube_proxy: KubeProxy = "iptables",
    node_image: NodeImage = "",
    image: Image = None,
    images: Images = None,
    as_json: AsJson = False,
) -> int:
    """Predict what a change loses, make it, see the measured result, and learn why.

    There is one step for each field that matters. The guide notices what you do in any terminal. It recognises common
    mistakes, and gives hints that fit what it observes. Your results are saved after each step.

    Exit code: 0 the exercise ended in order; 2 invalid input; 4 a part failed, or the evidence could not be saved.

    [bold]Examples[/bold]

      harness exercise 1

      harness exercise 2 --lang zh

      harness exercise 3 --step 5 --auto
    """
    walk = _walk(number, step, lang)
    console = Console(stderr=as_json, highlight=False)
    if reset:
        walk.progress.reset()
    if not step:
        walk.skip_finished()
    if show_list:
        _list(console, walk)
        if as_json:
            print_json(ExerciseOutput(exercise=number, exit_code=0, steps=_steps(walk), session=None))
        return 0
    if only:
        walk.exercise = walk.exercise.model_copy(update={"steps": walk.exercise.steps[: walk.index + 1]})
    request = _request(
        walk, cluster, cluster_options(cluster, kube_proxy, node_image, read_images(image or [], images)), port, out
    )
    with interruption.deferred(leave_at_once):
        result = run_session(
            request,
            lambda text: console.print(f"  {text}", markup=False),
            lambda session: _guide(console, walk, session, auto=auto, output=sys.stderr if as_json else sys.stdout),
            announce=lambda url: announce(console, url, browser=not no_browser),
        )
    _list(console, walk)
    show_end(console, result)
    code = exit_code_of(result)
    if as_json:
        print_json(ExerciseOutput(exercise=number, exit_code=code, steps=_steps(walk), session=session_output(result)))
    return code


def _walk(number: int, step: int, language: str) -> Walk:
    problems = []
    if number not in NUMBERS:
        problems.append(Problem(f"there is no exercise {number}", hint=f"one of {', '.join(map(str, NUMBERS))}"))
    if language not in LANGUAGES:
        problems.append(Problem(f"there are no texts in {language!r}", hint=f"one of {', '.join(LANGUAGES)}"))
    count = len(load_exercise(number).steps) if number in NUMBERS else 0
    if count and not 0 <= step <= count:
        problems.append(Problem(f"exercise {number} has no step {step}", hint=f"1 to {count}"))
    if problems:
        raise InvalidInputError(problems)
    found = load_exercise(number)
    return Walk(found, load_texts(number, language), SavedProgress.load(number), index=max(0, step - 1))


def _request(walk: Walk, cluster: str, options: dict[str, str], port: int, out: Path | None) -> SessionRequest:
    found: Exercise = walk.exercise
    names = found.start if walk.index == 0 or not found.steps[walk.index].start else found.steps[walk.index].start
    return SessionRequest(
        name=f"exercise-{found.number}",
        title=walk.texts.title,
        routes=tuple(one.route for one in found.traffic),
        workload=() if found.steps[walk.index].dark else objects_of(found.number, names),
        images=images_of(all_objects_of(found.number)),
        ingress=found.ingress,
        cluster=cluster,
        options=options,
        port=port,
        out=out,
        command=shlex.join(["harness", *sys.argv[1:]]),
    )


def _guide(console: Console, walk: Walk, session: PlaySession, *, auto: bool, output: TextIO) -> None:
    show_access(console, session)
    guide = Guide(
        session,
        walk,
        lambda line: console.print(line, markup=False, soft_wrap=not console.is_terminal),
        auto=auto,
        source=-1 if auto else sys.stdin.fileno(),
        output=output,
    )
    console.print(walk.texts.say("files", folder=guide.folder), markup=False, soft_wrap=True)
    for line in ("", walk.texts.title, *walk.texts.introduction):
        console.print(line, markup=False)
    done = len(walk.progress.results)
    if done:
        console.print(walk.texts.say("resumed", done=done, all=len(walk.exercise.steps)), markup=False)
    guide.run()


def _list(console: Console, walk: Walk) -> None:
    """Print each step with its prediction and measurement."""
    rows = {row[0]: row for row in walk.summary()}
    console.print(walk.texts.title, markup=False)
    for number, step in enumerate(walk.exercise.steps, 1):
        title = walk.texts.steps[step.id].title
        found = rows.get(title)
        console.print(f"{number:3}. {title}", markup=False, soft_wrap=True)
        for cell in (found or [])[1:3]:
            console.print(f"     {cell}", markup=False, soft_wrap=True)


def _steps(walk: Walk) -> tuple[ExerciseStepOutput, ...]:
    """Return each step with the participant's result, for ``--json``."""
    results = walk.progress.results
    return tuple(
        ExerciseStepOutput(
            number=number,
            id=step.id,
            title=walk.texts.steps[step.id].title,
            right=step.right if step.id in results else None,
            result=StepResultOutput(**fields_of(results[step.id])) if step.id in results else None,
        )
        for number, step in enumerate(walk.exercise.steps, 1)
    )
