"""Classes of a pod's fields, as the kubelet and the scheduler implement them on the only node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.kube.fieldclasses import Decisive, Fields, Site, switched_off, unless_in
from harness.localkube.apps import mounts
from harness.localkube.fieldtables import CONSTANTS, STATUS
from harness.localkube.kubelet.environment import FIELD_PATHS, FILE_PATHS
from harness.localkube.kubelet.images import find_image, has_stand_in
from harness.localkube.kubelet.local_command import signalling_program
from harness.localkube.kubelet.models import model_of, ports_of, unavailable_program
from harness.localkube.kubelet.scheduling import NODE_LABELS, insufficient, startable, takes_affinity, takes_labels

_VOLUMES = frozenset({"emptyDir", "downwardAPI", "serviceAccountToken", "configMap", "secret", "persistentVolumeClaim"})


def _fits(site: Site) -> bool:
    """Accept amounts that the node has; it has no other resources, such as GPUs."""
    return isinstance(site.value, Mapping) and not insufficient(site.value)


def _starts(site: Site) -> bool:
    """Accept limits that the node has and with which a container can start: not ``memory: 128m``, for instance."""
    return isinstance(site.value, Mapping) and startable(site.value)


def _matches_node(site: Site) -> bool:
    """Accept labels that the node has."""
    return takes_labels(site.value, NODE_LABELS)


def _never_pending(site: Site) -> bool:
    """Accept preferences, which have no effect on one node, and a node affinity that the node satisfies."""
    parts = site.value if isinstance(site.value, Mapping) else {}
    pods = [part for name, part in parts.items() if name != "nodeAffinity"]
    return takes_affinity(parts.get("nodeAffinity"), NODE_LABELS) and all(
        isinstance(part, Mapping) and not part.get("requiredDuringSchedulingIgnoredDuringExecution") for part in pods
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


def _stands_in(site: Site) -> bool:
    """Return True if stand-ins or commands run in place of all images that a field applies to."""
    found = _images(site)
    return bool(found) and all(map(has_stand_in, found))


def _all_images(site: Site) -> list[str]:
    """Return the images that a field applies to, with those of init containers."""
    if "containers" not in site.holder:
        return _images(site)
    first = site.holder.get("initContainers")
    initial = [str(each.get("image")) for each in first if isinstance(each, Mapping)] if isinstance(first, list) else []
    return [*initial, *_images(site)]


def _has_command(site: Site) -> bool:
    """Return True if a local command runs in place of an image that a field applies to."""
    metadata = next((each.get("metadata") for each in reversed(site.holders) if "spec" in each), None)
    try:
        return any(model_of(metadata or {}, image).command for image in _all_images(site) if has_stand_in(image))
    except ValueError:
        return False  # The kubelet reports it.


def _reads_no_variables(site: Site) -> bool:
    """Return True if stand-ins run in place of all images that a field applies to, and no command does."""
    return _stands_in(site) and not _has_command(site)


def _needs_no_system(site: Site) -> bool:
    """Return True if the programs use no files and do not need a particular user.

    This is the case for the known images that are one static program each, and for stand-ins.
    """
    found = _images(site)
    known = [find_image(name) for name in found]
    return bool(found) and all(
        has_stand_in(name) or (image is not None and not image.shell) for name, image in zip(found, known, strict=True)
    )


def _may_be_non_root(site: Site) -> bool:
    """Accept ``runAsNonRoot`` if a non-root user is given and the program does not need a particular user.

    The user of an image that has a stand-in is unknown; it is assumed not to be root.
    """
    pod: Mapping[str, Any] = next((h.get("securityContext") or {} for h in site.holders if "containers" in h), {})
    user = site.holder.get("runAsUser", pod.get("runAsUser"))
    return switched_off(site) or _stands_in(site) or (isinstance(user, int) and user > 0 and _needs_no_system(site))


def _mountable(site: Site) -> bool:
    """Accept volumes that no program reads, and those that the kubelet can mount for a command."""
    volumes = site.value if isinstance(site.value, list) else []
    if _has_command(site):
        known = all(isinstance(each, Mapping) and _is_mounted(each) for each in volumes)
        return known and (not volumes or not mounts.why_not())
    return _needs_no_system(site) and all(isinstance(each, Mapping) and _is_known_volume(each) for each in volumes)


def _is_known_volume(volume: Mapping[str, Any]) -> bool:
    """Return True if a real kubelet mounts a volume as soon as the objects that it names exist."""
    kinds = set(volume) - {"name"}
    if kinds == {"projected"}:
        sources = (volume["projected"] or {}).get("sources") or []
        return all(isinstance(each, Mapping) and _is_known_volume(each) for each in sources)
    return len(kinds) == 1 and kinds <= _VOLUMES


def _is_mounted(volume: Mapping[str, Any]) -> bool:
    """Return True if the kubelet mounts a volume for a command."""
    kinds = set(volume) - {"name"}
    if kinds == {"projected"}:
        sources = (volume["projected"] or {}).get("sources") or []
        return all(isinstance(each, Mapping) and _is_mounted(each) and "emptyDir" not in each for each in sources)
    if kinds == {"downwardAPI"}:
        items = (volume["downwardAPI"] or {}).get("items") or []
        paths = [(each.get("fieldRef") or {}).get("fieldPath") for each in items if isinstance(each, Mapping)]
        return all(isinstance(path, str) and FILE_PATHS.fullmatch(path) for path in paths)
    if kinds == {"emptyDir"}:
        return not (volume["emptyDir"] or {}).get("sizeLimit")
    return len(kinds) == 1 and kinds <= {"configMap", "secret"}


def _stand_in_listens(site: Site) -> bool:
    """Accept the port of a probe unless it leads to a stand-in that does not listen there."""
    port = site.value.get("port") if isinstance(site.value, Mapping) else site.value
    container = next((each for each in reversed(site.holders) if "image" in each), None)
    if not isinstance(port, int) or container is None or not has_stand_in(str(container["image"])):
        return True
    metadata = next((each.get("metadata") for each in reversed(site.holders) if "spec" in each), None)
    try:
        model = model_of(metadata or {}, str(container["image"]))
    except ValueError:
        return True  # The kubelet reports it.
    return bool(model.command) or port in ports_of(model, container)


def _available_in_stand_in(site: Site) -> bool:
    """Accept a hook's command unless a stand-in lacks one of its programs."""
    command = (site.value or {}).get("command") if isinstance(site.value, Mapping) else None
    words = [str(each) for each in command] if isinstance(command, list) else []
    if _has_command(site):
        return not signalling_program(words)
    return not _stands_in(site) or not unavailable_program(words)


def _known_field(site: Site) -> bool:
    """Return True if this ``fieldPath`` is supported."""
    return isinstance(site.value, str) and FIELD_PATHS.fullmatch(site.value) is not None


_PENDING = "leaves pods Pending if no node fits"
_START = "does not start the containers before it exists"
_USER = "runs the program as this user, who may lack permissions that it needs"
_STATIC = "any, with an image that is a single static program or a stand-in"
_OTHER_PORT = "probes the real program on this port, on which its stand-in does not listen: declare the containerPort"
_DECLARED = "any port that the container declares; without a stand-in, any"
_ANY_STAND_IN = "any, with a stand-in"
_DNS = "the images resolve no names"
_NODE = "there is one node, without taints"
_REGISTRY = "no image is pulled"
_ISOLATION = "processes are not isolated, and the images do not depend on it"
_REQUESTS = Decisive(_PENDING, _fits, "up to 64 cores and 64 GiB")
_LIMITS = Decisive(
    "leaves pods Pending if no node fits, and starts no container with less than 4 MiB of memory (128m is 0.128 bytes)",
    _starts,
    "up to 64 cores, and 4 MiB to 64 GiB",
)

_POD = Fields(
    implemented={
        "containers": "V1Container",
        "initContainers": "V1Container",
        "readinessGates": "",
        "restartPolicy": "",
        "securityContext": "V1PodSecurityContext",
        "terminationGracePeriodSeconds": "",
        "priorityClassName": "",
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
        "runtimeClassName": f"the class has to exist; {_ISOLATION}",
        "serviceAccount": "the images do not call the API",
        "serviceAccountName": "the images do not call the API",
        "subdomain": _DNS,
        "tolerations": _NODE,
    },
    decisive={
        "activeDeadlineSeconds": Decisive("ends the pod after this time"),
        "affinity": Decisive(
            _PENDING,
            _never_pending,
            "preferences, and a node affinity that the node (linux, amd64) satisfies",
            implemented=True,
        ),
        "ephemeralContainers": Decisive("also runs these containers"),
        "evictionResponders": Decisive("consults these before it evicts the pod"),
        "hostNetwork": Decisive(
            "gives the pod the node's address, where two pods cannot use the same port", switched_off, "false"
        ),
        "hostname": Decisive("gives the pod this host name"),
        "hostnameOverride": Decisive("gives the pod this host name"),
        "nodeName": Decisive("runs the pod only on this node"),
        "nodeSelector": Decisive(
            _PENDING, _matches_node, "kubernetes.io/os: linux, kubernetes.io/arch: amd64", implemented=True
        ),
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
        "volumes": Decisive(
            _START,
            _mountable,
            "emptyDir, configMap, secret, downwardAPI, projected and persistentVolumeClaim with a static program or a"
            " stand-in; with a command the first five without sizeLimit, if the kernel allows mounts",
            implemented=True,
        ),
    },
)

_CONTAINER = Fields(
    implemented={
        "args": "",
        "command": "",
        "env": "V1EnvVar",
        "envFrom": "",
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
        "restartPolicy": Decisive(
            "restarts the container by its own policy", unless_in("Always"), "Always", implemented=True
        ),
        "restartPolicyRules": Decisive("restarts the container by its own rules"),
        "volumeDevices": Decisive(_START),
        "workingDir": Decisive("starts the program in this folder", _needs_no_system, _STATIC),
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
    "true, if runAsUser is above 0 and the image is a single static program; any with a stand-in",
)  # fmt: skip
_AS_USER = Decisive(_USER, _needs_no_system, _STATIC)

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
            "capabilities": Decisive("changes the capabilities of the program", _needs_no_system, _STATIC),
            "privileged": Decisive("requires a namespace that allows it", switched_off, "false"),
            "readOnlyRootFilesystem": Decisive(
                "prevents the program from writing files",
                lambda site: switched_off(site) or _needs_no_system(site),
                _STATIC,
            ),
            "runAsGroup": _AS_USER,
            "runAsNonRoot": _NON_ROOT,
            "runAsUser": _AS_USER,
            "seccompProfile": _SECCOMP,
        },
    ),
    "V1ResourceRequirements": Fields(
        decisive={"claims": Decisive(_PENDING), "limits": _LIMITS, "requests": _REQUESTS}
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
        implemented={"configMapKeyRef": "", "fieldRef": "V1ObjectFieldSelector", "secretKeyRef": ""},
        decisive={
            "fileKeyRef": Decisive(_START),
            "resourceFieldRef": Decisive("gives the program its own amounts", _reads_no_variables, _ANY_STAND_IN),
        },
    ),
    "V1ObjectFieldSelector": Fields(
        inert={"apiVersion": "there is only one"},
        decisive={
            "fieldPath": Decisive(
                "gives the program this field of its pod",
                _known_field,
                "those of the downward API, except status.hostIPs",
            )
        },
    ),
    "V1Lifecycle": Fields(
        implemented={"postStart": "V1LifecycleHandler", "preStop": "V1LifecycleHandler"},
        decisive={"stopSignal": Decisive("stops the program with this signal", unless_in("SIGTERM"), "SIGTERM")},
    ),
    "V1LifecycleHandler": Fields(
        implemented={"httpGet": "V1HTTPGetAction", "sleep": ""},
        decisive={
            "exec": Decisive(
                "runs this program in the container, which the stand-in does not have", _available_in_stand_in,
                "any in the known images; sh, sleep, true, echo, printf, date and exit in a stand-in; with a command,"
                " any but kill, pkill and killall",
                implemented=True,
            ),
            "tcpSocket": Decisive("fails a hook of this kind"),
        },
    ),
    "V1Probe": Fields(
        implemented={
            "exec": "",
            "failureThreshold": "",
            "httpGet": "V1HTTPGetAction",
            "initialDelaySeconds": "",
            "periodSeconds": "",
            "successThreshold": "",
            "terminationGracePeriodSeconds": "",
            "timeoutSeconds": "",
        },
        decisive={
            "grpc": Decisive(
                "probes the program by gRPC",
                lambda site: _stands_in(site) and _stand_in_listens(site),
                "any port that a stand-in listens on",
                implemented=True,
            ),
            "tcpSocket": Decisive(_OTHER_PORT, _stand_in_listens, _DECLARED, implemented=True),
        },
    ),
    "V1HTTPGetAction": Fields(
        implemented={"host": "", "httpHeaders": "", "path": ""},
        decisive={
            "port": Decisive(_OTHER_PORT, _stand_in_listens, _DECLARED, implemented=True),
            "protocol": Decisive("probes by this protocol", unless_in("HTTP1"), "HTTP1"),
            "scheme": Decisive(
                "probes by HTTPS",
                lambda site: site.value == "HTTP" or _stands_in(site),
                "HTTP; any in probes of a stand-in",
                implemented=True,
            ),
        },
    ),
}  # fmt: skip
