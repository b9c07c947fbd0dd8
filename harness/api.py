"""The library behind ``import harness``: the same work as the command line's, with objects in place of text.

Nothing here prints, asks, or ends the process. Errors are ``harness.HarnessError`` and its subclasses.
"""

from __future__ import annotations

import math
import signal
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import InvalidInputError, MissingExtraError, Problem
from harness.experiment.fields import check_assumed
from harness.experiment.load import load_experiment
from harness.kit import interruption
from harness.model.attempt import Method
from harness.model.experiment import Experiment
from harness.model.rates import Rate
from harness.model.secrets import Secret
from harness.model.shapes import DEFAULT_SHAPES, Shape
from harness.model.verdict import RunVerdict
from harness.model.watch import WatchVerdict
from harness.runner.export import COLUMNS, columns, counted_in_seals, not_kept, parts_of
from harness.runner.judging import read_verdict
from harness.runner.options import RunOptions
from harness.runner.progress import RunProgress, SilentProgress
from harness.runner.rules import rules_of
from harness.runner.run import RunResult, run_experiment
from harness.runner.watch import judging as watch_judging
from harness.runner.watch.lossless import Traffic, guarded
from harness.runner.watch.plan import Origin, is_watch
from harness.runner.watch.progress import WatchCounts
from harness.runner.watch.request import WatchRequest, origins_of
from harness.runner.watch.running import RunningWatch, WatchResult, run_watch
from harness.store.compacted import unreplaced
from harness.store.rundir import RunDirectory, new_folder

if TYPE_CHECKING:
    import pandas as pd

__version__ = metadata.version("harness")

#: Columns of ``attempts`` with few different values: stored once each, not once per row.
_CATEGORIES = frozenset(
    {"part", "method", "path", "connections", "outcome", "progress", "responder", "errno"},
)


def load(
    path: str | Path,
    *,
    cluster: str = "local",
    only: Mapping[str, Sequence[str]] | None = None,
    ingress: str = "",
    assume_inert: Sequence[str] = (),
) -> Experiment:
    """Read an Experiment file and every file that it names, and check all of it.

    Args:
        path: The Experiment file.
        cluster: Kind of cluster that is to run it: ``local``, ``kind`` or ``context``. Its rules are checked, and on
            ``local`` the Experiment's ``stand_ins`` name the images that stand-ins or commands replace.
        only: Cells to keep, as names or globs: ``{"configuration": ["graceful"], "change": ["restart"]}``. The control
            of each configuration that is kept stays.
        ingress: Ingress controller in place of the file's; empty for the file's.
        assume_inert: Fields that the embedded cluster does not implement, left in as if they had no effect on
            requests. No verdict there is then better than inconclusive. ``docs/reference/fields.md`` has their names.

    Raises:
        InvalidInputError: With every problem found, each with its file and line.
    """
    kept = {key: _texts(values) for key, values in (only or {}).items()}
    assume_inert = _texts(assume_inert)
    rules = rules_of(cluster, {})
    loaded = load_experiment(Path(path), only=kept, rules=rules, assume_inert=assume_inert, ingress=ingress)
    check_assumed(assume_inert, [loaded])
    return loaded


def run(
    experiment: Experiment | str | Path, options: RunOptions | None = None, *, progress: RunProgress | None = None
) -> RunResult:
    """Run an Experiment: bring clusters up, send traffic, make the changes, judge and write the reports.

    Args:
        experiment: What ``load`` returned for the options' cluster, or the path of a file.
        options: Cluster, run directory, trials side by side and more; the embedded cluster by default.
        progress: Receives the run's progress, from several threads; nothing by default.

    Returns:
        The run directory, the verdict, and ``exit_code`` as the command line would give it.

    Raises:
        InvalidInputError: The Experiment or the options are invalid; nothing was started.
        MissingToolError: The machine lacks a program; nothing was started.
    """
    chosen = options or RunOptions(command="harness.run")
    loaded = experiment if isinstance(experiment, Experiment) else load(experiment, cluster=chosen.cluster)
    with _signals():
        return run_experiment(loaded, chosen, progress or SilentProgress())


def watch(
    *urls: str,
    seconds: float,
    rate: Rate = 50,
    methods: Sequence[Method] = (Method.GET,),
    connections: Sequence[Shape] = DEFAULT_SHAPES,
    durations: Mapping[Shape, float] | None = None,
    timeout: float = 3.0,
    statuses: Sequence[int] = (),
    headers: Mapping[str, str] | None = None,
    out: Path | None = None,
) -> WatchResult:
    """Send traffic to URLs for a while and account for every request.

    Args:
        urls: Absolute, ``http`` or ``https``.
        seconds: Length of the sending, more than 0.
        rate: Requests per second over all URLs.
        methods: Sent in turn.
        connections: Kinds of connections, in turn.
        durations: Seconds that shapes among them require: how long a connection waits unused.
        timeout: Seconds per request, connecting included.
        statuses: HTTP statuses that count as success; any 2xx by default.
        headers: Further headers of each request; their values are never stored.
        out: Run directory to create; below ``reports/`` by default.

    Raises:
        InvalidInputError: A URL or another argument is invalid; nothing was sent.
    """
    if not 0 < seconds < math.inf:
        raise InvalidInputError([Problem(f"seconds={seconds}: expected more than 0, and an end")])
    origins = _origins(
        urls,
        rate=rate,
        methods=methods,
        connections=connections,
        durations=durations,
        timeout=timeout,
        statuses=statuses,
        headers=headers,
    )
    with _signals():
        return run_watch(urls, origins, _Quiet(), out=out, seconds=seconds, workers=1, command="harness.watch")


@contextmanager
def lossless(
    *urls: str,
    rate: Rate = 50,
    methods: Sequence[Method] = (Method.GET,),
    connections: Sequence[Shape] = DEFAULT_SHAPES,
    durations: Mapping[Shape, float] | None = None,
    timeout: float = 3.0,
    statuses: Sequence[int] = (),
    headers: Mapping[str, str] | None = None,
    baseline: float = 1.0,
    settle: float = 1.0,
    out: Path | None = None,
) -> Iterator[Traffic]:
    """Keep traffic on URLs while a ``with`` block runs, and raise at its end unless every request was answered.

    Every request is tried once. An exception of the block is raised again, with the account as a note.

    Args:
        urls: Absolute, ``http`` or ``https``.
        rate: Requests per second over all URLs.
        methods: Sent in turn.
        connections: Kinds of connections, in turn.
        durations: Seconds that shapes among them require: how long a connection waits unused.
        timeout: Seconds per request, connecting included.
        statuses: HTTP statuses that count as success; any 2xx by default.
        headers: Further headers of each request; their values are never stored.
        baseline: Seconds of traffic before the block, at least 0.
        settle: Seconds of traffic after the block, at least 0. Losses may come later than the call that caused them.
        out: Run directory to create; below ``reports/`` by default.

    Yields:
        The traffic with its counts so far; its ``result`` has the verdict after the block.

    Raises:
        InvalidInputError: A URL or another argument is invalid; nothing was sent.
        UnexpectedVerdictError: A request was lost. It is an ``AssertionError``, too.
        InconclusiveError: The traffic proves nothing. If it could not begin, the block did not run.
        HarnessError: The evidence could not be saved.
    """
    __tracebackhide__ = True
    for name, value in (("baseline", baseline), ("settle", settle)):
        if not 0 <= value < math.inf:
            raise InvalidInputError([Problem(f"{name}={value}: expected at least 0, and an end")])
    origins = _origins(
        urls,
        rate=rate,
        methods=methods,
        connections=connections,
        durations=durations,
        timeout=timeout,
        statuses=statuses,
        headers=headers,
    )
    # The block may change the working directory, and its verdict is written afterwards.
    folder = new_folder(Path("reports").absolute(), f"watch-{origins[0].host}") if out is None else Path(out).absolute()
    watch = RunningWatch.create(urls, origins, _Quiet(), out=folder, seconds=0, workers=1, command="harness.lossless")
    with guarded(watch, baseline=baseline, settle=settle) as traffic:
        yield traffic


def _texts(values: Sequence[str]) -> tuple[str, ...]:
    """Return the texts of a sequence. One text counts as a sequence of itself, and not of its letters."""
    return (values,) if isinstance(values, str) else tuple(values)


def _origins(
    urls: tuple[str, ...],
    *,
    rate: Rate,
    methods: Sequence[Method],
    connections: Sequence[Shape],
    durations: Mapping[Shape, float] | None,
    timeout: float,
    statuses: Sequence[int],
    headers: Mapping[str, str] | None,
) -> tuple[Origin, ...]:
    """Return the traffic of each origin.

    Raises:
        InvalidInputError: An argument is invalid.
    """
    request = WatchRequest(
        urls=urls,
        rate=rate,
        methods=tuple(methods),
        shapes=tuple(connections),
        durations=dict(durations or {}),
        timeout=timeout,
        statuses=tuple(statuses),
        headers=tuple((name, Secret(value)) for name, value in (headers or {}).items()),
    )
    return origins_of(request)


def read(directory: str | Path) -> RunVerdict | WatchVerdict:
    """Read the sealed verdict of a run, a migration's side, or a watch.

    Raises:
        EvidenceError: It is no run directory, has no verdict, or its files differ from the seals.
    """
    top = RunDirectory.open(Path(directory))
    top.verify("verdict")
    return watch_judging.read_verdict(top) if is_watch(top.path) else read_verdict(top)


def attempts(directory: str | Path, *, cell: str = "*", trial: int = 0) -> pd.DataFrame:
    """Read every attempt of a run or a watch as a table.

    Args:
        directory: The run directory. Seals are not checked: what a killed run left can be read too.
        cell: Glob of the ids of cells (``graceful--*``), or of the numbers of a watch's origins.
        trial: Number of the trial; 0 for all.

    Returns:
        One row per attempt, with the columns of ``harness export``; ``docs/reference/ledger.md`` describes each.
        Times are nanoseconds; a value that does not exist is missing (``<NA>``). Columns of labels are categories.
        ``attrs["counted"]`` is the number of right answers that a watch counted and did not keep (``--keep-ok``); if
        there are any, a ``UserWarning`` says so.

    Raises:
        EvidenceError: There is no such traffic, or a ledger cannot be read.
        MissingExtraError: pandas is not installed.
    """
    try:
        import pandas as pd  # noqa: PLC0415 - takes half a second, and no other function here needs it
    except ModuleNotFoundError as error:
        without = "`harness export` writes the same table as CSV without it."
        raise MissingExtraError("Data frames", "data", without=without) from error

    top = RunDirectory.open(Path(directory)).path
    found: list[list[object]] = [[] for _ in COLUMNS]
    folders = parts_of(top, cells=cell, trial=trial)
    with unreplaced(*folders):
        counted = sum(map(counted_in_seals, folders))
        if missing := not_kept(folders):
            warnings.warn(missing, stacklevel=2)
        for folder in folders:
            for block in columns(top, folder):
                for column, values in zip(found, block, strict=True):
                    column.extend(values)
    series = {
        name: pd.Series(values, dtype="category" if name in _CATEGORIES else "string" if name == "id" else "Int64")
        for name, values in zip(COLUMNS, found, strict=True)
    }
    table = pd.DataFrame(series)
    table.attrs["counted"] = counted
    return table


@contextmanager
def _signals() -> Iterator[None]:
    """Make Ctrl-C end the work in order, as on the command line: what was recorded is sealed and judged.

    Only the main thread can handle signals, and a handler of the caller's own stays.

    Raises:
        KeyboardInterrupt: Ctrl-C came before anything was recorded.
    """
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    try:
        with interruption.fresh(), interruption.handled():
            yield
    except interruption.Interrupted:
        raise KeyboardInterrupt from None


class _Quiet:
    """Receives a watch's progress and shows nothing."""

    def note(self, text: str) -> None:
        """Show nothing."""

    def counts(self, counts: WatchCounts) -> None:
        """Show nothing."""
