"""Classes of the annotations and labels by which a pod asks a webhook for another container.

The webhooks of meshes and agents add containers through which requests pass, or whose start and end decide when the
pod is ready and when it is gone. This cluster calls no webhooks.
"""

from __future__ import annotations

from harness.kube.fieldclasses import FieldClass, Site

#: Annotations and labels of pods that ask for a container.
ASKING = (
    "consul.hashicorp.com/connect-inject",
    "dapr.io/enabled",
    "istio.io/rev",
    "kuma.io/sidecar-injection",
    "linkerd.io/inject",
    "sidecar.istio.io/inject",
    "vault.hashicorp.com/agent-inject",
)
#: Values that ask for none.
OFF = frozenset({"", "0", "disabled", "f", "false", "n", "no", "off"})
EFFECT = "adds a container to the pod, which forwards requests or delays its start and end, if its webhook is there"


def class_on_pod(name: str, site: Site) -> tuple[FieldClass, str, str]:
    """Return the class of an annotation or label of a pod, with its text, and no hint."""
    if name in ASKING and str(site.value).lower() not in OFF:
        return FieldClass.DECISIVE, EFFECT, ""
    return FieldClass.INERT, "nothing here reads it", ""
