"""A bundle: one JSON file with all that a machine needs to run some cells of a run again.

It is text, so that it can be attached to an issue and read before it is run. It has no secret of the machine that wrote
it: no kubeconfig, no address of a cluster.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from harness.errors import EvidenceError
from harness.model.experiment import Experiment
from harness.report.written_files import VERSION, BundleFile
from harness.runner.options import RunOptions
from harness.store.records import from_json, to_json
from harness.store.rundir import write_json
from harness.store.versions import check_version

BUNDLE = "reproduce.json"
#: Options of clusters that are about the machine or the cluster that was used, not about the run.
_LOCAL_OPTIONS = frozenset({"context", "kubeconfig", "entry-url", "reuse", "name", "port"})


def write_bundle(path: Path, experiment: Experiment, options: RunOptions, environment: Mapping[str, str]) -> None:
    """Write a bundle.

    Raises:
        HarnessError: It can't be written, or a file of the Experiment can't be read.
    """
    tls = experiment.traffic.tls
    names = (*experiment.files, *([tls.ca] if tls is not None and tls.ca else []))
    try:
        files = {name: Path(name).read_text(encoding="utf-8") for name in names}
    except (OSError, ValueError) as error:
        raise EvidenceError(f"a file of the Experiment can't be read for the bundle: {error}") from error
    kept = {name: value for name, value in options.cluster_options.items() if name not in _LOCAL_OPTIONS and value}
    bundle = BundleFile(
        experiment=experiment,
        cluster=options.cluster,
        profile=options.profile,
        cluster_options=kept,
        environment=environment,
        files=files,
    )
    write_json(path, to_json(bundle))


def read_bundle(path: Path, folder: Path) -> BundleFile:
    """Read a bundle.

    Args:
        path: The bundle.
        folder: Empty folder for the files of its Experiment, which the run copies into its directory.

    Raises:
        EvidenceError: It is no bundle, damaged, of a newer format, or lacks a file of its Experiment.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EvidenceError(f"{path} is no bundle: {error}", hint=f"Give the {BUNDLE} of a confirmation.") from error
    read = from_json(BundleFile, check_version(data, VERSION, str(path)))
    tls = read.experiment.traffic.tls
    named = (*read.experiment.files, *([tls.ca] if tls is not None and tls.ca else []))
    if missing := [name for name in named if name not in read.files]:
        raise EvidenceError(f"{path} lacks the text of {', '.join(missing)}.", hint="Take an untouched copy of it.")
    # Names of the other machine are not used as paths here.
    places = {name: folder / f"{index:02d}-{Path(name).name}" for index, name in enumerate(read.files)}
    for name, place in places.items():
        place.write_text(read.files[name], encoding="utf-8")
    experiment = replace(read.experiment, files=tuple(str(places[name]) for name in read.experiment.files))
    if tls is not None and tls.ca:
        traffic = replace(experiment.traffic, tls=replace(tls, ca=str(places[tls.ca])))
        experiment = replace(experiment, traffic=traffic)
    return replace(read, experiment=experiment)
