"""Classes of a pod's fields, as the kubelet and the scheduler implement them on the only node."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from harness.kube.fieldclasses import Decisive, Fields, Site, switched_off, unless_in
from harness.localkube.fieldtables import CONSTANTS, STATUS
from harness.localkube.kubelet.environment import FIELD_PATHS
from harness.localkube.kubelet.images import find_image

#: Capacity of the only node, in cores and bytes; a pod that requests more stays Pending.
NODE_CORES, NODE_BYTES = 64, 64 * 2**30

_UNITS: Mapping[str, float] = {
    "": 1, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40,
}  # fmt: skip


def _amount(quantity: Any) -> float:
    """Return a quantity as a number; infinity if it cannot be parsed."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)(\D*)", str(quantity))
    return float(match[1]) * _UNITS[match[2]] if match and match[2] in _UNITS else float("inf")


def _fits(site: Site) -> bool:
    """Accept amounts that the node has; it has no other resources, such as GPUs."""
    limits = {"cpu": NODE_CORES, "memory": NODE_BYTES, "ephemeral-storage": NODE_BYTES}
    if not isinstance(site.value, Mapping):
        return False
    return all(name in limits and _amount(value) <= limits[name] for name, value in site.value.items())


def _only_preferred(site: Site) -> bool:
    """Accept preferences: on one node they have no effect."""
    parts = site.value.values() if isinstance(site.value, Mapping) else ()
    return all(
        isinstance(part, Mapping) and not part.get("requiredDuringSchedulingIgnoredDuringExecution") for part in parts
    )


def _spreads_over_hosts(site: Site) -> bool:
    """Accept spreading that is only preferred, or that one node always satisfies."""
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
    """Return the images that a field applies to: of its container, or of all containers of its pod."""
    for holder in reversed(site.holders):
        if "image" in holder:
            return [str(holder["image"])]
        if "containers" in holder:
            containers = holder["containers"] if isinstance(holder["containers"], list) else []
            return [str(each.get("image")) for each in containers if isinstance(each, Mapping)]
    return []


def _static_program(site: Site) -> bool:
    """Return True if each original image is one static program, which uses no files and needs no certain user."""
    found = [find_image(name) for name in _images(site)]
    return bool(found) and all(image is not None and not image.shell for image in found)


def _may_be_non_root(site: Site) -> bool:
    """Accept ``runAsNonRoot`` if a non-root user is given and the program does not need a certain user."""
    pod: Mapping[str, Any] = next((h.get("securityContext") or {} for h in site.holders if "containers" in h), {})
    user = site.holder.get("runAsUser", pod.get("runAsUser"))
    return switched_off(site) or (isinstance(user, int) and user > 0 and _static_program(site))


def _empty_directories(site: Site) -> bool:
    """Accept volumes that are empty and that no program reads."""
    volumes = site.value if isinstance(site.value, list) else []
    empty = all(isinstance(v, Mapping) and set(v) <= {"name", "emptyDir"} and "emptyDir" in v for v in volumes)
    return empty and _static_program(site)


def _known_field(site: Site) -> bool:
    """Return True if this ``fieldPath`` is supported."""
    return isinstance(site.value, str) and FIELD_PATHS.fullmatch(site.value) is not None


_PENDING = "leaves pods Pending if no node fits"
_START = "does not start the containers before it exists"
_USER = "runs the program as this user, who may lack permissions that it needs"
_STATIC = "any, with an image that is a single static program"
_DNS = "the images resolve no names"
_NODE = "there is one node, without taints"
_REGISTRY = "no image is pulled"
_ISOLATION = "processes are not isolated, and the images do not depend on it"
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
        "automountServiceAccountToken": "the images do not call the API",
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
        "serviceAccount": "the images do not call the API",
        "serviceAccountName": "the images do not call the API",
        "subdomain": _DNS,
        "tolerations": _NODE,
    },
    decisive={
        "activeDeadlineSeconds": Decisive("ends the pod after this time"),
        "affinity": Decisive(_PENDING, _only_preferred, "preferences"),
        "ephemeralContainers": Decisive("also runs these containers"),
        "evictionResponders": Decisive("consults these before it evicts the pod"),
        "hostNetwork": Decisive(
            "gives the pod the node's address, where two pods cannot use the same port", switched_off, "false"
        ),
        "hostname": Decisive("gives the pod this host name"),
        "hostnameOverride": Decisive("gives the pod this host name"),
        "initContainers": Decisive("runs these containers to completion before it starts the others"),
        "nodeName": Decisive("runs the pod only on this node"),
        "nodeSelector": Decisive(_PENDING, unless_in({"kubernetes.io/os": "linux"}), '{"kubernetes.io/os": "linux"}'),
        "os": Decisive(_PENDING, unless_in({"name": "linux"}), "{name: linux}"),
        "resourceClaims": Decisive(_PENDING),
        "schedulerName": Decisive("waits for this scheduler", unless_in("default-scheduler"), "default-scheduler"),
        "schedulingGates": Decisive("leaves the pod Pending until they are removed"),
        "schedulingGroup": Decisive(_PENDING),
        "setHostnameAsFQDN": Decisive("gives the pod a different host name", switched_off, "false"),
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
        "resizePolicy": "no pod is resized",
        "stdin": "there is no terminal",
        "stdinOnce": "there is no terminal",
        "terminationMessagePath": "it affects only messages for users",
        "terminationMessagePolicy": "it affects only messages for users",
        "tty": "there is no terminal",
        "volumeMounts": "the class of spec.volumes applies",
    },
    decisive={
        "envFrom": Decisive(_START),
        "restartPolicy": Decisive("restarts the container by its own policy"),
        "restartPolicyRules": Decisive("restarts the container by its own rules"),
        "volumeDevices": Decisive(_START),
        "workingDir": Decisive("starts the program in this folder", _static_program, _STATIC),
    },
)

_SECURITY = {
    "appArmorProfile": "no profile is loaded here, and RuntimeDefault allows all that the images do",
    "seLinuxOptions": _ISOLATION,
    "windowsOptions": "the node runs Linux",
}
_SECCOMP = Decisive(
    "forbids system calls by this profile", unless_in({"type": "RuntimeDefault"}, {"type": "Unconfined"}),
    "RuntimeDefault, Unconfined",
)  # fmt: skip
_NON_ROOT = Decisive(
    "does not start an image that runs as root", _may_be_non_root,
    "true, if runAsUser is above 0 and the image is a single static program",
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
            "fsGroupChangePolicy": "fsGroup has its own class",
            "seLinuxChangePolicy": _ISOLATION,
            "supplementalGroupsPolicy": "supplementalGroups has its own class",
        },
        decisive={
            "fsGroup": _AS_USER,
            "runAsGroup": _AS_USER,
            "runAsNonRoot": _NON_ROOT,
            "runAsUser": _AS_USER,
            "seccompProfile": _SECCOMP,
            "supplementalGroups": _AS_USER,
            "sysctls": Decisive("sets these kernel parameters, or rejects the pod"),
        },
    ),
    "V1SecurityContext": Fields(
        inert={**_SECURITY, "allowPrivilegeEscalation": "the images need no privileges", "procMount": _ISOLATION},
        decisive={
            "capabilities": Decisive("changes the capabilities of the program", _static_program, _STATIC),
            "privileged": Decisive("requires a namespace that allows it", switched_off, "false"),
            "readOnlyRootFilesystem": Decisive(
                "prevents the program from writing files",
                lambda site: switched_off(site) or _static_program(site),
                _STATIC,
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
        inert={"protocol": "it is informational"},
        decisive={
            "hostIP": Decisive("uses this port of the node, which only one pod can use"),
            "hostPort": Decisive("uses this port of the node, which only one pod can use", unless_in(0), "0"),
        },
    ),
    "V1EnvVar": Fields(implemented={"name": "", "value": "", "valueFrom": "V1EnvVarSource"}),
    "V1EnvVarSource": Fields(
        implemented={"fieldRef": "V1ObjectFieldSelector"},
        decisive={
            "configMapKeyRef": Decisive(_START),
            "fileKeyRef": Decisive(_START),
            "resourceFieldRef": Decisive("gives the program its own resource amounts"),
            "secretKeyRef": Decisive(_START),
        },
    ),
    "V1ObjectFieldSelector": Fields(
        inert={"apiVersion": "there is only one"},
        decisive={
            "fieldPath": Decisive(
                "gives the program this field of its pod", _known_field, "those of the downward API that need no node"
            )
        },
    ),
    "V1Lifecycle": Fields(
        implemented={"postStart": "V1LifecycleHandler", "preStop": "V1LifecycleHandler"},
        decisive={"stopSignal": Decisive("stops the program with this signal", unless_in("SIGTERM"), "SIGTERM")},
    ),
    "V1LifecycleHandler": Fields(
        implemented={"exec": "", "httpGet": "V1HTTPGetAction", "sleep": ""},
        decisive={"tcpSocket": Decisive("fails a hook of this kind")},
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
        decisive={"grpc": Decisive("probes the program by gRPC")},
    ),
    "V1HTTPGetAction": Fields(
        implemented={"host": "", "httpHeaders": "", "path": "", "port": ""},
        decisive={
            "protocol": Decisive("probes by this protocol", unless_in("HTTP1"), "HTTP1"),
            "scheme": Decisive("probes by HTTPS", unless_in("HTTP"), "HTTP"),
        },
    ),
}  # fmt: skip
