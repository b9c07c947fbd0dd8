"""An Experiment after the parse pass and after the resolve pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.experiment.changes.reading import LocatedChange
from harness.experiment.cluster_rules import ClusterRules
from harness.experiment.fields import FieldReview
from harness.experiment.left_out import Workload
from harness.experiment.matching import CellNames, ExpectEntry, MatchEntry
from harness.experiment.matrix import Axis
from harness.experiment.objects import WorkloadObjects
from harness.experiment.schema import Head, TrafficPart
from harness.experiment.workload import RenderedObject
from harness.kit.located_yaml import YamlDocument
from harness.kube.manifests import LocatedManifest
from harness.model.controllers import DEFAULT
from harness.model.experiment import Configuration, TrafficPlan


@dataclass(frozen=True, slots=True)
class ParsedTraffic:
    """The traffic of the file.

    Attributes:
        part: The settings that the file gives.
        plan: The plan that they make.
    """

    part: TrafficPart
    plan: TrafficPlan


@dataclass(frozen=True, slots=True)
class ParsedExperiment:
    """An Experiment file and all files that it names, each part parsed by itself.

    Attributes:
        document: The Experiment file.
        head: The whole file; None if one of its fields has an error.
        traffic: The traffic; None if it has an error.
        manifests: The objects of the workload's files.
        axes: The matrix.
        changes: The changes without errors.
        has_all_changes: No change has an error.
        exclude: The entries of ``exclude`` without errors.
        expect: The entries of ``expect`` without errors.
    """

    document: YamlDocument
    head: Head | None
    traffic: ParsedTraffic | None
    manifests: tuple[LocatedManifest, ...]
    axes: tuple[Axis, ...]
    changes: tuple[LocatedChange, ...]
    has_all_changes: bool
    exclude: tuple[MatchEntry, ...]
    expect: tuple[ExpectEntry, ...]

    @property
    def ingress(self) -> str:
        """Word of the ingress controller; empty if ``head`` has an error."""
        return self.head.ingress if self.head else ""

    @property
    def ingress_of_changes(self) -> str:
        """Word of the ingress controller for checks of changes, also if another field of ``head`` has an error."""
        return str(self.document.value.get("ingress", DEFAULT.word))

    @property
    def plan(self) -> TrafficPlan | None:
        """Return the traffic plan; None if the traffic has an error."""
        return self.traffic.plan if self.traffic else None

    @property
    def entry(self) -> str:
        """Name of the Service that gets all traffic; empty if traffic enters by the ingress."""
        return self.head.entry.service if self.head and self.head.entry else ""


@dataclass(frozen=True, slots=True)
class ResolvedCell:
    """One cell that is left after ``exclude``.

    Attributes:
        change: The change, with its answers in this configuration.
        names: The names by which entries match the cell.
        expect: The entry of ``expect`` that decides the cell; None if none does.
    """

    change: LocatedChange
    names: CellNames
    expect: ExpectEntry | None


@dataclass(frozen=True, slots=True)
class ResolvedConfiguration:
    """One configuration that has a cell left.

    Attributes:
        configuration: The configuration, with the objects as they are applied.
        objects: The same objects with their sources, before they get the class of the ingress controller.
        cells: The cells that are left.
    """

    configuration: Configuration
    objects: tuple[RenderedObject, ...]
    cells: tuple[ResolvedCell, ...]


@dataclass(frozen=True, slots=True)
class ResolvedExperiment:
    """A parsed Experiment, with its names resolved and its patches applied.

    Cells that ``exclude`` removes, and configurations without a cell, are not part of it: no check sees them.

    Attributes:
        parsed: The parts of the file.
        workload: The workload as a trial gets it, before patches.
        names: The names that a cell can have, by the fields of an entry; with those of excluded cells.
        all_cells: The names of all cells, with those of excluded cells.
        configurations: What is left.
        rules: The rules of the cluster.
        review: The fields that the cluster ignores or refuses.
    """

    parsed: ParsedExperiment
    workload: Workload
    names: Mapping[str, tuple[str, ...]]
    all_cells: tuple[CellNames, ...]
    configurations: tuple[ResolvedConfiguration, ...]
    rules: ClusterRules
    review: FieldReview

    @property
    def plan(self) -> TrafficPlan | None:
        """Return the traffic plan; None if the traffic has an error."""
        return self.parsed.plan

    @property
    def cells(self) -> tuple[ResolvedCell, ...]:
        """Return all cells that are left."""
        return tuple(cell for configuration in self.configurations for cell in configuration.cells)

    def objects_of(self, configuration: ResolvedConfiguration) -> WorkloadObjects:
        """Return the objects of a configuration, for questions about them."""
        return WorkloadObjects(configuration.configuration.manifests, self.parsed.entry)
