"""Leave out of the workload what a trial does not apply: objects that its cluster makes or lacks, and server fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.experiment.cluster_rules import OmittedKind
from harness.experiment.namespaces import without_namespace
from harness.kube.dumps import reason_to_leave_out, was_on_a_cluster, without_server_fields
from harness.kube.manifests import LocatedManifest
from harness.wording import plural


@dataclass(frozen=True, slots=True)
class Workload:
    """The workload as a trial gets it.

    Attributes:
        objects: The objects, without a namespace.
        notices: Sentences for people about what was left out, with its place.
        placed: The same objects with their namespaces, and the Namespace objects.
    """

    objects: tuple[LocatedManifest, ...] = ()
    notices: tuple[str, ...] = ()
    placed: tuple[LocatedManifest, ...] = ()


def usable(found: Sequence[LocatedManifest], omitted: OmittedKind) -> Workload:
    """Return what a trial applies of the objects of the workload's files.

    Args:
        found: Every object.
        omitted: Returns why the cluster cannot have an object, so that trials leave it out; empty for any other object.
    """
    kept, notices, read = [], [], 0
    for item in found:
        if reason := reason_to_leave_out(item.manifest) or omitted(item.manifest):
            notices.append(f"{item.file}:{item.line_of(())}: {' '.join(item.key)} is left out: {reason}")
        elif was_on_a_cluster(item.manifest):
            kept.append(replace(item, manifest=without_server_fields(item.manifest)))
            read += 1
        else:
            kept.append(item)
    if read:
        notices.append(f"fields that an API server sets are left out of {plural(read, 'object')} read from a cluster")
    objects, further = without_namespace(kept)
    return Workload(tuple(objects), (*notices, *further), tuple(kept))
