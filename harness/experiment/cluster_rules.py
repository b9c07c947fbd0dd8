"""Rules of one kind of cluster, applied while an Experiment is checked, so that each problem has a line."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from harness.errors import Problem
from harness.kube.fieldclasses import Classified
from harness.localkube.commands import LocalCommand
from harness.localkube.kubelet.models import StandInModel
from harness.model.changes import ChangeSpec
from harness.model.experiment import Manifest

ImageCheck = Callable[[str], Problem | None]
ObjectCheck = Callable[[Manifest], Problem | None]
ChangeCheck = Callable[[ChangeSpec], Problem | None]
#: Classify the fields of an object, given the ingress controller's word and all objects of the workload.
FieldCheck = Callable[[Manifest, str, Sequence[Manifest]], Sequence[Classified]]

#: Returns why the cluster cannot have an object, so that trials leave it out; empty for any other object.
OmittedKind = Callable[[Manifest], str]

#: Describes what runs in place of images, given the objects of all configurations and the local commands by id.
DescribeStandIns = Callable[[Sequence[Manifest], Mapping[str, LocalCommand]], tuple[str, ...]]

#: Kinds whose pods serve requests on a real cluster.
WITH_PODS = ("Deployment", "ReplicaSet", "Pod", "StatefulSet", "DaemonSet")


def takes_any(_subject: object) -> None:
    """Return no problem: only the cluster itself can refuse this."""


def any_field(_manifest: Manifest, _ingress: str, _objects: Sequence[Manifest]) -> Sequence[Classified]:
    """Refuse no field: a real cluster implements all of them."""
    return ()


def omits_none(_manifest: Manifest) -> str:
    """Return no reason to leave an object out: only a real cluster itself knows which kinds it has."""
    return ""


def as_it_is(manifest: Manifest, _models: Mapping[str, StandInModel]) -> Manifest:
    """Return the object: a real cluster runs the images themselves."""
    return manifest


def none_stands_in(_manifests: Sequence[Manifest], _commands: Mapping[str, LocalCommand]) -> tuple[str, ...]:
    """Return nothing: a real cluster runs the images themselves."""
    return ()


def runs_itself(_image: str) -> bool:
    """Return False: a real cluster runs the images themselves."""
    return False


@dataclass(frozen=True, slots=True)
class ClusterRules:
    """The rules of one kind of cluster.

    Attributes:
        image: Checks the name of every image in the workload and in its updates. Returns a problem without its place,
            or None; ``object`` and ``change`` do the same.
        object: Checks every object of the workload.
        change: Checks every change.
        fields: Classifies the fields of every object of the workload, before and after changes.
        with_models: Puts the models of stand-ins onto the pods of an object.
        describe_stand_ins: Describes each image that a stand-in or a command replaces, in a sentence.
        local_commands: True if the cluster runs commands of this machine in place of images.
        bare_namespaces: True if a new namespace has only what the workload brings. On a user's cluster, controllers may
            copy Secrets into it.
        runs_controller: True if the harness runs the ingress controller, so that its settings are known.
        serves_tls: True if the traffic can reach the controller's port for HTTPS.
        omitted: Returns why an object is left out of the workload; empty if it is not.
        pod_kinds: Kinds for which the cluster runs pods.
        classes: Names of the classes that every such cluster has, by kind; of a kind without an entry, any may exist.
        has_stand_in: Returns True if a stand-in runs in place of an image, given its name.
    """

    image: ImageCheck = takes_any
    object: ObjectCheck = takes_any
    change: ChangeCheck = takes_any
    fields: FieldCheck = any_field
    with_models: Callable[[Manifest, Mapping[str, StandInModel]], Manifest] = as_it_is
    describe_stand_ins: DescribeStandIns = none_stands_in
    has_stand_in: Callable[[str], bool] = runs_itself
    local_commands: bool = True
    bare_namespaces: bool = True
    runs_controller: bool = False
    serves_tls: bool = True
    omitted: OmittedKind = omits_none
    pod_kinds: Sequence[str] = WITH_PODS
    classes: Mapping[str, Collection[str]] = field(default_factory=dict)


#: The rules of a cluster that accepts everything.
ANYTHING = ClusterRules()
