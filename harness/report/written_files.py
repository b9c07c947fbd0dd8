"""The JSON files that commands write next to reports, one record for each; their schemas are made of these records.

``harness schema NAME`` prints a schema. A field may be added in a version; a field that goes or changes its meaning
needs a new version. ``verdict.json`` has records of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from harness.errors import ExitCode
from harness.model.comparison import RunComparison
from harness.model.confidence import CellCount
from harness.model.confirmation import Confirmation
from harness.model.experiment import Experiment
from harness.model.history import HistoryEntry
from harness.model.migration import Migration
from harness.model.proof import RemedyComparison

#: Version of the format of every record here.
VERSION: Literal[1] = 1
#: ``VERSION`` as the type of a field.
Version = Literal[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonFile(RunComparison):
    """The content of ``comparison.json`` of ``harness compare``.

    Attributes:
        version: Version of this format.
    """

    version: Version = VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationFile(Migration):
    """The content of ``comparison.json`` of ``harness migrate``. Files of earlier harnesses have no version.

    Attributes:
        version: Version of this format.
        exit_code: The exit code in words.
    """

    version: Version = VERSION
    exit_code: ExitCode


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationFile(Confirmation):
    """The content of ``confirmation.json`` of ``harness run --confirm``.

    Attributes:
        version: Version of this format.
    """

    version: Version = VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofFile:
    """The content of ``proof.json`` of ``harness prove``. Files of earlier harnesses have no version.

    Attributes:
        version: Version of this format.
        comparisons: The cells with a remedy.
        unproven: Ids of the lossy cells for which no field helps.
    """

    version: Version = VERSION
    comparisons: tuple[RemedyComparison, ...]
    unproven: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UntilFile:
    """The content of ``until.json`` of ``harness run --until``. Files of earlier harnesses have no version.

    Attributes:
        version: Version of this format.
        target: The requested bound of the probability that a transition is lossy.
        level: Confidence of the bounds.
        cells: The cells that were repeated.
    """

    version: Version = VERSION
    target: float
    level: float
    cells: tuple[CellCount, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleFile:
    """The content of ``reproduce.json`` of ``harness run --confirm``: all that ``harness reproduce`` needs.

    Attributes:
        version: Version of this format.
        experiment: The cells to run, with their controls and number of trials.
        cluster: Kind of cluster.
        profile: Delay profile of local clusters.
        cluster_options: Options of the kind of cluster.
        environment: Machine, system and versions of the run that it reproduces.
        files: Text of each file of the Experiment, by its path.
    """

    version: Version = VERSION
    experiment: Experiment
    cluster: str
    profile: str
    cluster_options: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


#: The record of each schema, by its name.
FILES: Mapping[str, type] = {
    "comparison-file": ComparisonFile,
    "migration-file": MigrationFile,
    "confirmation-file": ConfirmationFile,
    "bundle-file": BundleFile,
    "proof-file": ProofFile,
    "until-file": UntilFile,
    "history-line": HistoryEntry,
}


def fields_of(record: Any) -> dict[str, Any]:
    """Return the fields of a record by name, to build a record that has further fields."""
    return {each.name: getattr(record, each.name) for each in fields(record)}
