"""Guides a participant in the terminal: shows texts, takes predictions, runs what is typed, observes the cluster."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

from harness.exercises.checking import Observed, SeenChange
from harness.exercises.steps import files_of, objects_of
from harness.exercises.walk import Stage, Walk
from harness.kit.files import write_text
from harness.kit.interruption import nap
from harness.kube.errors import NotFoundError
from harness.play.cards import Card
from harness.play.counting import Answers
from harness.play.session import NAMESPACE, TICK, PlaySession

#: Seconds between two looks at other namespaces, which cost a request each.
_ELSEWHERE_EVERY = 1.0
#: Kinds that are looked for in other namespaces.
_KINDS = ("Deployment", "Service", "Ingress", "Pod")
#: Seconds after which a step begins although its objects have not come to rest.
_STUCK = 60.0
_NS = 1_000_000_000
_QUIT = frozenset({"quit", "exit"})


class Guide:
    """The guide of one exercise on a running session.

    Args:
        session: The session.
        walk: The walk through the exercise.
        show: Prints a line.
        auto: True to type every command itself.
        source: Descriptor of what the participant types; -1 for none.
        output: Stream for the output of commands.
    """

    def __init__(
        self, session: PlaySession, walk: Walk, show: Callable[[str], None], *, auto: bool, source: int, output: TextIO
    ) -> None:
        self._session = session
        self._walk = walk
        self._show = show
        self._auto = auto
        self._source = source
        self._stream = output
        self._typed = b""
        self._child: subprocess.Popen[bytes] | None = None
        self._output = b""
        self._first_card = 1
        self._typed_for = -1
        self._handler: Any = signal.SIG_DFL
        self._prepared_ns = 0
        self._elsewhere: dict[str, str] = {}
        self._elsewhere_at = 0.0
        self._shown: tuple[int, Stage, str] | None = None
        self._is_ended = False
        self._folder = session.run.path.absolute() / "files"
        for name, text in files_of(walk.exercise.number).items():
            write_text(self._folder / name, text)

    @property
    def folder(self) -> Path:
        """Return the folder with the exercise's files, in which commands run."""
        return self._folder

    def run(self) -> None:
        """Guide until the last step is done, the participant quits, or an interruption comes."""
        try:
            while not self._is_ended and not self._walk.is_over:
                self._session.tick()
                self._step()
                self._pump()
                for line in self._lines():
                    self._take(line)
                nap(TICK / 2)
        finally:
            if self._child is not None:
                self._child.kill()
                self._child.wait()
                self._forget_child(self._child)
            self._session.board.guide = self._walk.view()

    def _step(self) -> None:
        walk = self._walk
        match walk.stage:
            case Stage.PREPARE:
                self._prepare()
            case Stage.PREDICT if self._auto:
                walk.predict(walk.step.right)
            case Stage.ACT:
                if self._auto and self._typed_for != walk.index:
                    self._typed_for = walk.index
                    self._start(walk.step.command)
                walk.observe(self._observed())
            case Stage.MEASURE:
                self._measure()
            case Stage.DONE if self._auto:
                self._say_stage()
                walk.advance()
        if not walk.is_over:
            self._say_stage()
        self._session.board.guide = walk.view()

    def _prepare(self) -> None:
        """Bring the cluster into the state with which the step begins, and wait until it has settled."""
        session = self._session
        if not self._prepared_ns:
            if session.board.open_card is not None and session.board.open_card.verdict is None:
                return
            session.is_preparing = True
            self._apply()
            self._prepared_ns = time.monotonic_ns()
            return
        if not self._has_settled():
            return
        session.forget_changes()
        session.is_preparing = False
        self._prepared_ns = 0
        self._output = b""
        self._elsewhere.clear()
        self._first_card = len(session.board.cards) + 1
        self._walk.prepared()

    def _has_settled(self) -> bool:
        """Return True if the prepared objects have come to rest, or seem unable to."""
        session, now = self._session, time.monotonic_ns()
        waited = (now - self._prepared_ns) / _NS
        rest = session.rest(self._prepared_ns)
        answers = self._walk.step.dark or session.board.view(now)["answer"]["state"] != "losing"
        has_rested = rest.is_quiet and not rest.unfinished and session.is_ingress_idle()
        return waited >= _STUCK or (waited >= 1 and has_rested and answers)

    def _apply(self) -> None:
        """Apply and remove the objects of the step."""
        kube, step = self._session.kube, self._walk.step
        for manifest in objects_of(self._walk.exercise.number, step.start):
            kube.apply(manifest, NAMESPACE)
        for target in step.remove:
            kind, _, name = target.partition("/")
            with contextlib.suppress(NotFoundError):
                kube.delete(kind, name, NAMESPACE)

    def _observed(self) -> Observed:
        session = self._session
        objects = {
            f"{kind}/{name}": found
            for kind, tracker in session.trackers.items()
            for (_, name), found in list(tracker.objects.items())
        }
        cards = session.board.cards[self._first_card - 1 :]
        changes = [
            SeenChange(kind, name, text)
            for card in cards
            for (kind, name), (_, text) in zip(card.kinds, card.changes, strict=True)
        ]
        open_card = session.board.open_card
        return Observed(
            changes=changes,
            objects=objects,
            elsewhere=self._look_elsewhere(),
            output=self._output.decode(errors="replace"),
            settling=open_card is not None and open_card.verdict is None,
        )

    def _look_elsewhere(self) -> dict[str, str]:
        """Return the namespace of an object with the kind and name of the target, outside the participant's own."""
        kind, _, name = self._walk.step.target.partition("/")
        if kind in _KINDS and time.monotonic() - self._elsewhere_at >= _ELSEWHERE_EVERY:
            self._elsewhere_at = time.monotonic()
            found = [one["metadata"] for one in self._session.kube.list(kind, "")]
            self._elsewhere = {
                f"{kind}/{name}": str(one["namespace"])
                for one in found
                if one["name"] == name and one.get("namespace") != NAMESPACE
            }
        return self._elsewhere

    def _measure(self) -> None:
        """Wait for the verdict of the step's card."""
        board = self._session.board
        card = self._card()
        if card is not None and card.verdict is None:
            return
        answers = self._session.answers(card.begin, card.end) if card is not None else Answers()
        self._walk.measured(card, answers, str(self._session.run.path))
        board.guide = self._walk.view()

    def _card(self) -> Card | None:
        """Return the card of the step's change; None if the step changes nothing, or if there is no such card."""
        step, cards = self._walk.step, self._session.board.cards[self._first_card - 1 :]
        if step.check.output:
            return None
        kind, _, name = step.target.partition("/")
        edges = [card for card in cards if any(re.search(step.check.edge, text) for _, text in card.changes)]
        return next(iter(edges if step.check.edge else [c for c in cards if (kind, name) in c.kinds][-1:]), None)

    def _say_stage(self) -> None:
        """Print what belongs to the stage, once, and each new remark."""
        walk = self._walk
        remark = walk.texts.say(walk.remark.name, **walk.remark.values) if walk.remark is not None else ""
        now = (walk.index, walk.stage, remark)
        if now == self._shown:
            return
        is_new_stage = self._shown is None or self._shown[:2] != now[:2]
        self._shown = now
        if remark:
            self._show(remark)
        if is_new_stage:
            for line in self._stage_lines():
                self._show(line)

    def _stage_lines(self) -> Sequence[str]:
        walk, own, common = self._walk, self._walk.step_texts, self._walk.texts.common
        match walk.stage:
            case Stage.PREDICT:
                choices = [f"  {number}. {text}" for number, text in enumerate(own.choices, 1)]
                head = f"== {walk.index + 1}/{len(walk.exercise.steps)} {own.title}"
                return ["", head, *own.text, "", own.question, *choices, common["ask_prediction"]]
            case Stage.ACT:
                return [common["ask_command"], "", *(f"  $ {line}" for line in walk.step.command.splitlines()), ""]
            case Stage.DONE:
                return ["", *walk.result_lines(), *([] if self._auto else [common["ask_next"]])]
        return [common[f"stage_{walk.stage}"]]

    def _take(self, line: str) -> None:
        """Carry out a line that the participant typed."""
        walk, text = self._walk, line.strip()
        if text in _QUIT:
            self._is_ended = True
        elif walk.stage is Stage.PREDICT:
            if not (text.isdigit() and walk.predict(int(text))):
                self._show(walk.texts.say("no_such_choice", count=len(walk.step.choices)))
        elif walk.stage is Stage.DONE and not text:
            walk.advance()
        elif text == "hint":
            advice = walk.advice
            self._show(walk.texts.say(advice.name, **advice.values) if advice else walk.texts.common["hint_settling"])
        elif text == "auto" and walk.stage is Stage.ACT:
            self._start(walk.step.command)
        elif text:
            self._start(text)

    def _lines(self) -> list[str]:
        """Return the next typed line, if there is one. While a command runs, it reads what is typed: return none."""
        if self._source < 0 or self._child is not None:
            return []
        while select.select([self._source], [], [], 0)[0]:
            data = os.read(self._source, 4096)
            if not data:
                self._is_ended = not self._auto
                self._source = -1
                break
            self._typed += data
        *lines, self._typed = self._typed.split(b"\n")
        if lines:
            # One at a time: the next one may belong to the next stage.
            first, *rest = lines
            self._typed = b"\n".join([*rest, self._typed])
            return [first.decode(errors="replace")]
        return []

    def _start(self, command: str) -> None:
        """Run a command in a shell, in the folder of the exercise's files."""
        if self._auto or command == self._walk.step.command:
            self._show(f"$ {command}")
        wants_output = bool(self._walk.step.check.output) and self._walk.stage is Stage.ACT
        environment = {
            **os.environ,
            "KUBECONFIG": str(self._session.kubeconfig),
            "U": self._session.entry_url,
        }
        # Ctrl-C ends the command that runs, not the session. A handler, unlike SIG_IGN, is not inherited.
        self._handler = signal.signal(signal.SIGINT, lambda *_: None)
        self._child = subprocess.Popen(
            ["/bin/bash", "-c", command],
            cwd=self._folder,
            env=environment,
            stdin=subprocess.DEVNULL if self._source < 0 else self._source,
            stdout=subprocess.PIPE if wants_output else self._stream.fileno(),
            stderr=subprocess.STDOUT if wants_output else None,
        )

    def _pump(self) -> None:
        """Pass on the output of a command whose output matters, and notice the command's end."""
        child = self._child
        if child is None:
            return
        ended = child.poll() is not None
        if child.stdout is not None:
            while select.select([child.stdout], [], [], 0)[0]:
                data = os.read(child.stdout.fileno(), 4096)
                if not data:
                    break
                self._output += data
                self._stream.buffer.write(data)
                self._stream.flush()
        if ended:
            self._forget_child(child)

    def _forget_child(self, child: subprocess.Popen[bytes]) -> None:
        """Let Ctrl-C end the session again, after a command has ended."""
        if child.stdout is not None:
            child.stdout.close()
        signal.signal(signal.SIGINT, self._handler)
        self._child = None
