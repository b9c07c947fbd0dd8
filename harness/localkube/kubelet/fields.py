"""The classes of a pod's fields, as the kubelet and the scheduling of pods to the only node carry them out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from harness.kube.fieldclasses import Decisive, Fields, Site, switched_off, unless_in
from harness.localkube.fieldtables import CONSTANTS, STATUS
from harness.localkube.kubelet.environment import FIELD_PATHS
from harness.localkube.kubelet.images import find_image

#: What the only node has, in cores and bytes; a pod that asks for more stays Pending.
NODE_CORES, NODE_BYTES = 64, 64 * 2**30

_UNITS: Mapping[str, float] = {
    "": 1, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40,
}  # fmt: skip


def _amount(quantity: Any) -> float:
    """Return a quantity as a number; infinite where it can't be read."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)(\D*)", str(quantity))
    return float(match[1]) * _UNITS[match[2]] if match and match[2] in _UNITS else float("inf")


def _fits(site: Site) -> bool:
    """Treat amounts as harmless that any node has; those of other resources (a GPU) no node here has."""
    limits = {"cpu": NODE_CORES, "memory": NODE_BYTES, "ephemeral-storage": NODE_BYTES}
    if not isinstance(site.value, Mapping):
        return False
    return all(name in limits and _amount(value) <= limits[name] for name, value in site.value.items())


def _only_preferred(site: Site) -> bool:
    """Treat preferences as harmless: on one node they decide nothing."""
    parts = site.value.values() if isinstance(site.value, Mapping) else ()
    return all(
        isinstance(part, Mapping) and not part.get("requiredDuringSchedulingIgnoredDuringExecution") for part in parts
    )


def _spreads_over_hosts(site: Site) -> bool:
    """Treat spreading as harmless where it is a wish, or where one node can't be uneven."""
    constraints = site.value if isinstance(site.value, list) else []
    return all(
        isinstance(each, Mapping)
        and (
            each.get("whenUnsatisfiable") == "ScheduleAnyway"
            or (each.get("topologyKey") == "kubernetes.io/hostname" and (each.get("minDomains") or 1) == 1)
        )
        for each in constraints
    )


def _images(site: Site) -> list[str]:
    """Return the images that a field is about: of its container, or of all containers of its pod."""
    for holder in reversed(site.holders):
        if "image" in holder:
            return [str(holder["image"])]
        if "containers" in holder:
            containers = holder["containers"] if isinstance(holder["containers"], list) else []
            return [str(each.get("image")) for each in containers if isinstance(each, Mapping)]
    return []


def _static_program(site: Site) -> bool:
    """Tell whether the genuine images are one static program each, which reads and writes no file and needs no user."""
    found = [find_image(name) for name in _images(site)]
    return bool(found) and all(image is not None and not image.shell for image in found)


def _may_be_non_root(site: Site) -> bool:
    """Treat ``runAsNonRoot`` as harmless where the user is given and is not root, and the program needs no other."""
    pod: Mapping[str, Any] = next((h.get("securityContext") or {} for h in site.holders if "containers" in h), {})
    user = site.holder.get("runAsUser", pod.get("runAsUser"))
    return switched_off(site) or (isinstance(user, int) and user > 0 and _static_program(site))


def _empty_directories(site: Site) -> bool:
    """Treat volumes as harmless that are empty and that no program looks into."""
    volumes = site.value if isinstance(site.value, list) else []
    empty = all(isinstance(v, Mapping) and set(v) <= {"name", "emptyDir"} and "emptyDir" in v for v in volumes)
    return empty and _static_program(site)


def _known_field(site: Site) -> bool:
    """Tell whether the value of this ``fieldPath`` is known here."""
    return isinstance(site.value, str) and FIELD_PATHS.fullmatch(site.value) is not None


_PENDING = "leaves pods Pending where no node fits"
_START = "does not start the containers before it is there"
_USER = "runs the program as this user, which it may not be able to bear"
_STATIC = "any, with an image that is a single static program"
_DNS = "the images look up no names"
_NODE = "there is one node, without taints"
_REGISTRY = "nothing is pulled"
_ISOLATION = "processes are not isolated, and the images do not notice"
_RESOURCES = Decisive(_PENDING, _fits, "up to 64 cores and 64 GiB")

_POD = Fields(
    implemented={
        "containers": "V1Container",
        "readinessGates": "",
        "restartPolicy": "",
        "securityContext": "V1PodSecurityContext",
        "terminationGracePeriodSeconds": "",
        "resources": "V1ResourceRequirements",
    },
    inert={
        "automountServiceAccountToken": "the images do not speak to the API",
        "dnsConfig": _DNS,
        "dnsPolicy": _DNS,
        "enableServiceLinks": "the images do not read these variables",
        "hostAliases": _DNS,
        "hostIPC": _ISOLATION,
        "hostPID": _ISOLATION,
        "hostUsers": _ISOLATION,
        "imagePullSecrets": _REGISTRY,
        "overhead": "the node has room for it",
        "preemptionPolicy": "there is room for all pods",
        "priority": "there is room for all pods",
        "priorityClassName": "there is room for all pods",
        "runtimeClassName": _ISOLATION,
        "serviceAccount": "the images do not speak to the API",
        "serviceAccountName": "the images do not speak to the API",
        "subdomain": _DNS,
        "tolerations": _NODE,
    },
    decisive={
        "activeDeadlineSeconds": Decisive("ends the pod after this time"),
        "affinity": Decisive(_PENDING, _only_preferred, "preferences"),
        "ephemeralContainers": Decisive("runs these containers as well"),
        "evictionResponders": Decisive("asks these before it evicts the pod"),
        "hostNetwork": Decisive(
            "gives the pod the node's address, where two pods can't have the same port", switched_off, "false"
        ),
        "hostname": Decisive("gives the pod this host name"),
        "hostnameOverride": Decisive("gives the pod this host name"),
        "initContainers": Decisive("runs these containers to their end before it starts the others"),
        "nodeName": Decisive("runs the pod on this node alone"),
        "nodeSelector": Decisive(_PENDING, unless_in({"kubernetes.io/os": "linux"}), '{"kubernetes.io/os": "linux"}'),
        "os": Decisive(_PENDING, unless_in({"name": "linux"}), "{name: linux}"),
        "resourceClaims": Decisive(_PENDING),
        "schedulerName": Decisive("waits for this scheduler", unless_in("default-scheduler"), "default-scheduler"),
        "schedulingGates": Decisive("leaves the pod Pending until somebody removes them"),
        "schedulingGroup": Decisive(_PENDING),
        "setHostnameAsFQDN": Decisive("gives the pod another host name", switched_off, "false"),
        "shareProcessNamespace": Decisive("lets the containers see and signal each other", switched_off, "false"),
        "topologySpreadConstraints": Decisive(
            _PENDING, _spreads_over_hosts, "ScheduleAnyway, and kubernetes.io/hostname"
        ),
        "volumes": Decisive(_START, _empty_directories, "emptyDir, with images that are a single static program"),
    },
)

_CONTAINER = Fields(
    implemented={
        "args": "",
        "command": "",
        "env": "V1EnvVar",
        "image": "",
        "lifecycle": "V1Lifecycle",
        "livenessProbe": "V1Probe",
        "name": "",
        "ports": "V1ContainerPort",
        "readinessProbe": "V1Probe",
        "resources": "V1ResourceRequirements",
        "securityContext": "V1SecurityContext",
        "startupProbe": "V1Probe",
    },
    inert={
        "imagePullPolicy": _REGISTRY,
        "resizePolicy": "nothing is resized",
        "stdin": "nobody types",
        "stdinOnce": "nobody types",
        "terminationMessagePath": "it is about messages for people",
        "terminationMessagePolicy": "it is about messages for people",
        "tty": "nobody types",
        "volumeMounts": "spec.volumes decides about it",
    },
    decisive={
        "envFrom": Decisive(_START),
        "restartPolicy": Decisive("restarts the container by a policy of its own"),
        "restartPolicyRules": Decisive("restarts the container by rules of its own"),
        "volumeDevices": Decisive(_START),
        "workingDir": Decisive("starts the program in this folder", _static_program, _STATIC),
    },
)

_SECURITY = {
    "appArmorProfile": "no profile is loaded here, and RuntimeDefault lets the images do all they do",
    "seLinuxOptions": _ISOLATION,
    "windowsOptions": "the node runs Linux",
}
_SECCOMP = Decisive(
    "forbids system calls by this profile", unless_in({"type": "RuntimeDefault"}, {"type": "Unconfined"}),
    "RuntimeDefault, Unconfined",
)  # fmt: skip
_NON_ROOT = Decisive(
    "does not start an image that runs as root", _may_be_non_root,
    "true, where runAsUser is above 0 and the image is a single static program",
)  # fmt: skip
_AS_USER = Decisive(_USER, _static_program, _STATIC)

TABLES: Mapping[str, Fields] = {
    "V1Pod": Fields(implemented={"metadata": "V1ObjectMeta", "spec": "V1PodSpec"}, inert={**CONSTANTS, **STATUS}),
    "V1PodTemplateSpec": Fields(implemented={"metadata": "V1ObjectMeta", "spec": "V1PodSpec"}),
    "V1PodSpec": _POD,
    "V1Container": _CONTAINER,
    "V1PodSecurityContext": Fields(
        inert={
            **_SECURITY,
            "fsGroupChangePolicy": "fsGroup has a class of its own",
            "seLinuxChangePolicy": _ISOLATION,
            "supplementalGroupsPolicy": "supplementalGroups has a class of its own",
        },
        decisive={
            "fsGroup": _AS_USER,
            "runAsGroup": _AS_USER,
            "runAsNonRoot": _NON_ROOT,
            "runAsUser": _AS_USER,
            "seccompProfile": _SECCOMP,
            "supplementalGroups": _AS_USER,
            "sysctls": Decisive("sets these parameters of the kernel, or refuses the pod"),
        },
    ),
    "V1SecurityContext": Fields(
        inert={**_SECURITY, "allowPrivilegeEscalation": "the images ask for no privilege", "procMount": _ISOLATION},
        decisive={
            "capabilities": Decisive("takes capabilities from the program", _static_program, _STATIC),
            "privileged": Decisive("needs a namespace that allows it", switched_off, "false"),
            "readOnlyRootFilesystem": Decisive(
                "lets the program write no file", lambda site: switched_off(site) or _static_program(site), _STATIC
            ),
            "runAsGroup": _AS_USER,
            "runAsNonRoot": _NON_ROOT,
            "runAsUser": _AS_USER,
            "seccompProfile": _SECCOMP,
        },
    ),
    "V1ResourceRequirements": Fields(
        decisive={"claims": Decisive(_PENDING), "limits": _RESOURCES, "requests": _RESOURCES}
    ),
    "V1ContainerPort": Fields(
        implemented={"containerPort": "", "name": ""},
        inert={"protocol": "it is for information"},
        decisive={
            "hostIP": Decisive("takes this port of the node, which one pod can have"),
            "hostPort": Decisive("takes this port of the node, which one pod can have", unless_in(0), "0"),
        },
    ),
    "V1EnvVar": Fields(implemented={"name": "", "value": "", "valueFrom": "V1EnvVarSource"}),
    "V1EnvVarSource": Fields(
        implemented={"fieldRef": "V1ObjectFieldSelector"},
        decisive={
            "configMapKeyRef": Decisive(_START),
            "fileKeyRef": Decisive(_START),
            "resourceFieldRef": Decisive("gives the program its own amounts of resources"),
            "secretKeyRef": Decisive(_START),
        },
    ),
    "V1ObjectFieldSelector": Fields(
        inert={"apiVersion": "there is one"},
        decisive={
            "fieldPath": Decisive("gives the program this field of its pod", _known_field, "those of the downward API"
                                  " that need no node")
        },
    ),
    "V1Lifecycle": Fields(
        implemented={"postStart": "V1LifecycleHandler", "preStop": "V1LifecycleHandler"},
        decisive={"stopSignal": Decisive("stops the program by this signal", unless_in("SIGTERM"), "SIGTERM")},
    ),
    "V1LifecycleHandler": Fields(
        implemented={"exec": "", "httpGet": "V1HTTPGetAction", "sleep": ""},
        decisive={"tcpSocket": Decisive("lets a hook of this kind fail")},
    ),
    "V1Probe": Fields(
        implemented={
            "exec": "",
            "failureThreshold": "",
            "httpGet": "V1HTTPGetAction",
            "initialDelaySeconds": "",
            "periodSeconds": "",
            "successThreshold": "",
            "tcpSocket": "",
            "terminationGracePeriodSeconds": "",
            "timeoutSeconds": "",
        },
        decisive={"grpc": Decisive("asks the program by gRPC")},
    ),
    "V1HTTPGetAction": Fields(
        implemented={"host": "", "httpHeaders": "", "path": "", "port": ""},
        decisive={
            "protocol": Decisive("asks by this protocol", unless_in("HTTP1"), "HTTP1"),
            "scheme": Decisive("asks by https", unless_in("HTTP"), "HTTP"),
        },
    ),
}  # fmt: skip
