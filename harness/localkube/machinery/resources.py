"""The kinds that the local cluster serves, with their API paths: one table for server, clients and discovery."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.kube.custom import GROUPS


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object and its place in the API.

    Attributes:
        group: API group; empty for the core group.
        version: Version in that group.
        kind: Kind, as in manifests.
        plural: Name in URLs.
        namespaced: True if its objects live in namespaces.
        short_names: Abbreviations that kubectl accepts.
        subresources: Subresources served below an object.
        categories: kubectl's groups of kinds (``all``).
        stored_as: ``group/plural`` of the resource whose storage it shares; empty if it has its own.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    stored_as: str = ""

    @property
    def api_version(self) -> str:
        """Return the ``apiVersion`` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def singular(self) -> str:
        """Return the singular name, for kubectl."""
        return self.kind.lower()

    @property
    def qualified(self) -> str:
        """Return ``deployments.apps``, as the API server names it in messages; core resources have no dot."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def storage_key(self) -> str:
        """Return the key of the storage that holds its objects."""
        return self.stored_as or f"{self.group}/{self.plural}"

    @property
    def root(self) -> str:
        """Return the path of its group and version."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    def collection(self, namespace: str | None = None) -> str:
        """Return the path of all its objects, or of those in one namespace."""
        middle = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{self.root}{middle}/{self.plural}"

    def path(self, name: str, namespace: str | None = None, subresource: str = "") -> str:
        """Return the path of one object or of one of its subresources."""
        return f"{self.collection(namespace)}/{name}" + (f"/{subresource}" if subresource else "")


_ALL = ("all",)

NAMESPACES = Resource(
    "", "v1", "Namespace", "namespaces", namespaced=False, short_names=("ns",), subresources=("status", "finalize")
)
NODES = Resource("", "v1", "Node", "nodes", namespaced=False, short_names=("no",), subresources=("status",))
PODS = Resource(
    "",
    "v1",
    "Pod",
    "pods",
    short_names=("po",),
    subresources=("status", "log", "eviction", "exec", "portforward"),
    categories=_ALL,
)
SERVICES = Resource("", "v1", "Service", "services", short_names=("svc",), subresources=("status",), categories=_ALL)
ENDPOINTS = Resource("", "v1", "Endpoints", "endpoints", short_names=("ep",))
CONFIGMAPS = Resource("", "v1", "ConfigMap", "configmaps", short_names=("cm",))
SECRETS = Resource("", "v1", "Secret", "secrets")
SERVICEACCOUNTS = Resource("", "v1", "ServiceAccount", "serviceaccounts", short_names=("sa",), subresources=("token",))
EVENTS = Resource("", "v1", "Event", "events", short_names=("ev",))
DEPLOYMENTS = Resource(
    "apps",
    "v1",
    "Deployment",
    "deployments",
    short_names=("deploy",),
    subresources=("status", "scale"),
    categories=_ALL,
)
REPLICASETS = Resource(
    "apps", "v1", "ReplicaSet", "replicasets", short_names=("rs",), subresources=("status", "scale"), categories=_ALL
)
ENDPOINTSLICES = Resource("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
INGRESSES = Resource("networking.k8s.io", "v1", "Ingress", "ingresses", short_names=("ing",), subresources=("status",))
INGRESSCLASSES = Resource("networking.k8s.io", "v1", "IngressClass", "ingressclasses", namespaced=False)
BUDGETS = Resource(
    "policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", short_names=("pdb",), subresources=("status",)
)
LEASES = Resource("coordination.k8s.io", "v1", "Lease", "leases")
PRIORITYCLASSES = Resource(
    "scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", namespaced=False, short_names=("pc",)
)
RUNTIMECLASSES = Resource("node.k8s.io", "v1", "RuntimeClass", "runtimeclasses", namespaced=False)
CUSTOM_KINDS = tuple(
    Resource(group.group, group.version, kind, plural) for group in GROUPS for kind, plural in group.plurals.items()
)
NEW_EVENTS = Resource("events.k8s.io", "v1", "Event", "events", stored_as="/events")
AUTOSCALERS = Resource(
    "autoscaling",
    "v2",
    "HorizontalPodAutoscaler",
    "horizontalpodautoscalers",
    short_names=("hpa",),
    subresources=("status",),
    categories=_ALL,
)
OLD_AUTOSCALERS = replace(AUTOSCALERS, version="v1", stored_as=AUTOSCALERS.storage_key)
_RBAC = "rbac.authorization.k8s.io"
#: Kinds that would run pods on a real cluster, but that are only stored here.
NOT_RUN = (
    Resource("apps", "v1", "StatefulSet", "statefulsets", short_names=("sts",), subresources=("status",)),
    Resource("apps", "v1", "DaemonSet", "daemonsets", short_names=("ds",), subresources=("status",)),
    Resource("batch", "v1", "Job", "jobs", subresources=("status",)),
    Resource("batch", "v1", "CronJob", "cronjobs", short_names=("cj",), subresources=("status",)),
)
#: More kinds. Only autoscalers have a controller here; objects of all others are stored. Which of them would affect
#: requests on a real cluster is in ``harness.localkube.api.fields``.
STORED = (
    Resource("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", short_names=("pvc",)),
    Resource("", "v1", "ResourceQuota", "resourcequotas", short_names=("quota",)),
    Resource("", "v1", "LimitRange", "limitranges", short_names=("limits",)),
    AUTOSCALERS,
    OLD_AUTOSCALERS,
    Resource("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", short_names=("netpol",)),
    Resource(_RBAC, "v1", "Role", "roles"),
    Resource(_RBAC, "v1", "RoleBinding", "rolebindings"),
    Resource(_RBAC, "v1", "ClusterRole", "clusterroles", namespaced=False),
    Resource(_RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False),
)

_AUTHORIZATION = "authorization.k8s.io"
#: Kinds that are answered and not stored.
REVIEWS = (
    Resource("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", namespaced=False),
    Resource(_AUTHORIZATION, "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", namespaced=False),
    Resource(_AUTHORIZATION, "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", namespaced=False),
)

#: Every resource whose objects are stored, in the order of discovery.
RESOURCES: tuple[Resource, ...] = (
    NAMESPACES,
    NODES,
    PODS,
    SERVICES,
    ENDPOINTS,
    CONFIGMAPS,
    SECRETS,
    SERVICEACCOUNTS,
    EVENTS,
    DEPLOYMENTS,
    REPLICASETS,
    ENDPOINTSLICES,
    INGRESSES,
    INGRESSCLASSES,
    LEASES,
    BUDGETS,
    PRIORITYCLASSES,
    RUNTIMECLASSES,
    NEW_EVENTS,
    *NOT_RUN,
    *STORED,
    *CUSTOM_KINDS,
)

_BY_PLURAL = {(r.group, r.version, r.plural): r for r in RESOURCES}
#: The preferred version of a kind precedes the others in ``RESOURCES``.
_BY_KIND = {(r.group, r.kind): r for r in reversed(RESOURCES)}


def by_plural(plural: str, group: str = "", version: str = "v1") -> Resource:
    """Return the resource of a URL; raise ``KeyError`` if it is not served."""
    return _BY_PLURAL[group, version, plural]


def by_kind(kind: str, api_version: str) -> Resource:
    """Return the resource of a kind in the group of an ``apiVersion``; raise ``KeyError`` if it is not served.

    The version is ignored: the result has the preferred one.
    """
    group, slash, _version = api_version.partition("/")
    return _BY_KIND[group if slash else "", kind]
