"""The rules of each kind of cluster: images, objects, changes and fields that it accepts in an Experiment.

They are checked before anything starts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.clusters.context.rules import check_change
from harness.clusters.local import stand_ins
from harness.clusters.local.images import check_image
from harness.clusters.local.omitted import check_object as check_local_object
from harness.clusters.local.omitted import reason_to_omit
from harness.clusters.shared.scope import check_object, check_object_of_kind, reason_to_omit_on_existing
from harness.experiment.cluster_rules import ClusterRules, any_field, omits_none, takes_any
from harness.kube.fieldclasses import Classified
from harness.localkube.api.pod_classes import BUILT_IN
from harness.localkube.fields import CLASSIFIER
from harness.localkube.kubelet.images import has_stand_in
from harness.localkube.policies import RUN_KINDS
from harness.model.experiment import Manifest
from harness.runner.images import manifest_with_images


def rules_of(cluster: str, replaced: Mapping[str, str]) -> ClusterRules:
    """Return the rules by which an Experiment is checked for a kind of cluster.

    Args:
        cluster: ``local``, ``kind`` or ``context``.
        replaced: Replacement images, by the name in the manifests.

    Raises:
        InvalidInputError: There is no such kind of cluster.
    """

    def classify(manifest: Manifest, word: str, objects: Sequence[Manifest]) -> Sequence[Classified]:
        return CLASSIFIER.classify(manifest_with_images(manifest, replaced), word, objects)

    if cluster == "local":
        return ClusterRules(
            image=lambda name: check_image(replaced.get(name, name)),
            object=check_local_object,
            change=takes_any,
            fields=classify,
            with_models=stand_ins.with_models,
            describe_stand_ins=lambda manifests, commands: stand_ins.describe(manifests, replaced, commands),
            runs_controller=True,
            omitted=reason_to_omit,
            pod_kinds=RUN_KINDS,
            classes={"PriorityClass": BUILT_IN.keys(), "RuntimeClass": ()},
            has_stand_in=lambda name: has_stand_in(replaced.get(name, name)),
        )

    from harness.clusters.registry import provider  # noqa: PLC0415 - slow, and a check for local needs no provider

    provider(cluster)  # It refuses an unknown kind.
    return ClusterRules(
        image=takes_any,
        object=check_object_of_kind if cluster == "kind" else check_object,
        omitted=reason_to_omit_on_existing if cluster == "context" else omits_none,
        change=check_change if cluster == "context" else takes_any,
        fields=any_field,
        local_commands=False,
        bare_namespaces=cluster != "context",
        runs_controller=cluster == "kind",
        serves_tls=cluster != "kind",
    )
