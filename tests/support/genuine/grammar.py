"""Build Kubernetes objects with a seed: mostly usual values, and some that a user gets wrong."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

_LONG = "a" * 64
NAMES = ("web", "shop-api", "a1")
ODD_NAMES = ("", "Web", "-web", "web-", "we_b", "1web", "a.b", _LONG, "wéb", "web ", "a" * 254)
PORT_NAMES = ("http", "metrics", "grpc-1")
ODD_PORT_NAMES = ("", "HTTP", "a-name-that-is-too-long", "80", "-http", "ht--tp", "http_1", "ht.tp")
PORTS = (80, 8080, 443)
ODD_PORTS: tuple[Any, ...] = (0, -1, 65535, 65536, 1, "80", "http", 2147483648, None)
SHARES: tuple[Any, ...] = (0, 1, 2, "0%", "25%", "50%", "100%")
ODD_SHARES: tuple[Any, ...] = (-1, "101%", "150%", "-1%", "25", "%", "1.5%", "abc", "", "00%", "+5%", "0", 2147483647)
SECONDS: tuple[Any, ...] = (0, 1, 5, 10, 30)
ODD_SECONDS: tuple[Any, ...] = (-1, 2147483647, 2147483648, 1.5, "5", None)
LABELS: tuple[Object, ...] = ({"app": "web"}, {"app": "web", "tier": "front"}, {"app.kubernetes.io/name": "web"})
ODD_LABELS: tuple[Any, ...] = (
    {},
    None,
    {"app": ""},
    {"": "x"},
    {"a/b/c": "d"},
    {"/a": "b"},
    {"a/": "b"},
    {"app": "a b"},
    {"app": _LONG},
    {"Exa.mple/x": "y"},
    {"_a": "b"},
    {"app": "-x"},
    {_LONG: "x"},
    {"app": 1},
    {"app": True},
    {"app": None},
)
ENV_SOURCES: tuple[Object, ...] = ({"configMapRef": {"name": "a"}}, {"prefix": "A_", "secretRef": {"name": "b"}})
ODD_ENV_SOURCES: tuple[Object, ...] = (
    {},
    {"configMapRef": {}},
    {"prefix": "=", "configMapRef": {"name": "a"}},
    {"configMapRef": {"name": "a"}, "secretRef": {"name": "b"}},
)
CONTAINER_SECURITY: tuple[Object, ...] = ({"runAsUser": 1000}, {"privileged": False})
ODD_CONTAINER_SECURITY: tuple[Object, ...] = (
    {"runAsUser": -1},
    {"privileged": True, "allowPrivilegeEscalation": False},
    {"runAsNonRoot": True, "runAsUser": 0},
    {"procMount": "x"},
)
POD_SECURITY: tuple[Object, ...] = ({"runAsUser": 1000}, {"fsGroup": 1})
ODD_POD_SECURITY: tuple[Object, ...] = (
    {"runAsUser": -1},
    {"supplementalGroups": [-1]},
    {"sysctls": [{"name": "a b", "value": "1"}]},
)
VOLUMES: tuple[Object, ...] = (
    {"name": "data", "emptyDir": {}},
    {"name": "data", "configMap": {"name": "a"}},
    {"name": "data"},
)
ODD_VOLUMES: tuple[Object, ...] = (
    {"name": "Data", "emptyDir": {}},
    {"name": "", "emptyDir": {}},
    {"name": "data", "configMap": {}},
    {"name": "data", "emptyDir": {"sizeLimit": "-1"}},
    {"name": "data", "secret": {"secretName": "a", "defaultMode": 1000}},
    {"name": "data", "emptyDir": {}, "configMap": {"name": "a"}},
    {"name": "data", "hostPath": {"path": ""}},
    {"name": "data", "projected": {"sources": [{"secret": {"name": "a"}}]}},
)
TOLERATIONS: tuple[Object, ...] = ({"key": "a", "operator": "Exists"}, {"operator": "Exists"})
ODD_TOLERATIONS: tuple[Object, ...] = (
    {"key": "a", "operator": "Exists", "value": "b"},
    {"operator": "Equal"},
    {"key": "a", "effect": "x"},
    {"key": "a", "operator": "In"},
    {"key": "a", "tolerationSeconds": 5, "effect": "NoSchedule"},
)
_WEB = {"matchLabels": {"app": "web"}}
SPREADS: tuple[Object, ...] = (
    {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": _WEB},
)
ODD_SPREADS: tuple[Object, ...] = (
    {"maxSkew": 0, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"},
    {"maxSkew": 1, "topologyKey": "", "whenUnsatisfiable": "x"},
)
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
AFFINITIES: tuple[Object, ...] = ({"podAntiAffinity": {_REQUIRED: [{"topologyKey": "zone", "labelSelector": _WEB}]}},)
ODD_AFFINITIES: tuple[Object, ...] = (
    {"podAntiAffinity": {_REQUIRED: [{"topologyKey": ""}]}},
    {"nodeAffinity": {_REQUIRED: {"nodeSelectorTerms": []}}},
)
QUANTITIES: tuple[Any, ...] = ("100m", "1", "64Mi", "1Gi", 1, "500m", "1000m", "1024Mi")
ODD_QUANTITIES: tuple[Any, ...] = (
    "0",
    "-1",
    "1.5",
    0.5,
    "1e3",
    "1E",
    "1.5Gi",
    "100",
    "0.1m",
    "1k",
    "1K",
    "abc",
    "",
    "1 Gi",
    "1e-3",
    "12e6",
    "0.5Mi",
)
IMAGES = ("web:1", "web", "registry.example/web:latest", "web@sha256:" + "a" * 64)
ODD_IMAGES = ("", " web:1", "web:1 ", "WEB:1", "web::1", "a/b/c:1", "web:", "localhost:5000/web")
PATHS = ("/", "/ready", "/a/b")
ODD_PATHS = ("", "ready", "//", "/a//b", "/a/../b", "/a?b=c", "/.", "/a%2fb", "/*", "/a b")
HOSTS = ("example.com", "a.example.com", "*.example.com")
ODD_HOSTS = ("", "*", "*a.com", "a.*.com", "Example.com", "1.2.3.4", "a..b", "-a.com", "a_b.com", "a" * 254, "a:80")
ADDRESSES = ("10.0.0.1", "192.168.1.2")
ODD_ADDRESSES = ("", "1.2.3", "::1", "010.0.0.1", "0.0.0.0", "224.0.0.1", "169.254.0.1", "example.com", "1.2.3.256")


@dataclass(frozen=True)
class Grammar:
    """Chooses values.

    Attributes:
        rng: The source of chance.
        oddity: Share of the values that are odd, from 0 to 1.
    """

    rng: random.Random
    oddity: float

    def pick(self, usual: Sequence[Any], odd: Sequence[Any] = ()) -> Any:
        """Return one of the usual values, or sometimes an odd one."""
        chosen = odd if odd and self.rng.random() < self.oddity else usual
        return copy.deepcopy(self.rng.choice(chosen))

    def sometimes(self, share: float, make: Callable[[], Any]) -> Any:
        """Return what a function makes in a share of the calls; ``...`` otherwise, which ``fields`` leaves out."""
        return make() if self.rng.random() < share else ...

    def several(self, most: int, make: Callable[[], Any]) -> list[Any]:
        """Return one to ``most`` things."""
        return [make() for _ in range(self.rng.randint(1, most))]


def fields(**values: Any) -> Object:
    """Return an object of the values that are given."""
    return {name.rstrip("_"): value for name, value in values.items() if value is not ...}


def _metadata(g: Grammar) -> Object:
    return fields(
        name=g.pick(NAMES, ODD_NAMES),
        namespace="default",
        labels=g.sometimes(0.3, lambda: g.pick(LABELS, ODD_LABELS)),
        annotations=g.sometimes(0.2, lambda: g.pick(({"a": "b"}, {"example.com/x": "1"}), ({"a b": "c"}, {"": ""}))),
        finalizers=g.sometimes(0.03, lambda: g.pick((["example.com/a"],), (["a"], [""], ["orphan"], ["a b/c"]))),
    )


def _handler(g: Grammar, *, hook: bool) -> Object:
    def http() -> Object:
        return fields(
            path=g.sometimes(0.7, lambda: g.pick(PATHS, ODD_PATHS)),
            port=g.pick((*PORTS, "http"), (*ODD_PORTS, *ODD_PORT_NAMES)),
            scheme=g.sometimes(0.2, lambda: g.pick(("HTTP", "HTTPS"), ("http", "TCP", ""))),
            host=g.sometimes(0.1, lambda: g.pick(("localhost",), ("a b", "", "1.2.3.4"))),
            httpHeaders=g.sometimes(
                0.2,
                lambda: [{"name": g.pick(("Host", "X-A"), ("", "a b", "X_A", "é")), "value": g.pick(("a",), ("",))}],
            ),
        )

    kinds: dict[str, Callable[[], Any]] = {
        "httpGet": http,
        "exec": lambda: g.pick(({"command": ["sleep", "1"]},), ({"command": []}, {}, {"command": [""]})),
        "tcpSocket": lambda: {"port": g.pick((*PORTS, "http"), (*ODD_PORTS, *ODD_PORT_NAMES))},
    }
    if hook:
        kinds["sleep"] = lambda: {"seconds": g.pick((1, 5, 10), (0, -1, 31, 60, 1.5))}
    else:
        kinds["grpc"] = lambda: fields(
            port=g.pick(PORTS, (0, -1, 65536, "http")), service=g.sometimes(0.3, lambda: g.pick(("a", ""), (None,)))
        )
    names = list(kinds)
    chosen = g.pick([[name] for name in names], [[], names[:2], names])
    return {name: kinds[name]() for name in chosen}


def _probe(g: Grammar) -> Object:
    def number(usual: tuple[int, ...]) -> Any:
        return g.sometimes(0.35, lambda: g.pick(usual, (*ODD_SECONDS, 0)))

    numbers = {
        name: number(usual)
        for name, usual in (
            ("initialDelaySeconds", SECONDS),
            ("periodSeconds", (1, 5)),
            ("timeoutSeconds", (1, 3)),
            ("failureThreshold", (1, 3)),
            ("successThreshold", (1, 1, 1, 2)),
        )
    }
    grace = g.sometimes(0.08, lambda: g.pick((5,), (0, -1)))
    return _handler(g, hook=False) | fields(**numbers, terminationGracePeriodSeconds=grace)


def _resources(g: Grammar) -> Object:
    def amounts() -> Object:
        names = g.pick((["cpu"], ["memory"], ["cpu", "memory"]), (["gpu"], ["example.com/gpu"], ["hugepages-2Mi"], []))
        return {name: g.pick(QUANTITIES, ODD_QUANTITIES) for name in names}

    return fields(
        requests=g.sometimes(0.7, amounts),
        limits=g.sometimes(0.6, amounts),
        claims=g.sometimes(0.01, lambda: [{"name": "a"}]),
    )


def _env(g: Grammar) -> Object:
    name = g.pick(("A", "B_C", "a.b"), ("", "1A", "A=B", "A B", "é"))
    sources: list[Object] = [
        {"configMapKeyRef": {"name": "a", "key": "b"}},
        {"secretKeyRef": {"name": "a", "key": "b", "optional": True}},
        {"fieldRef": {"fieldPath": "status.podIP"}},
        {"resourceFieldRef": {"resource": "limits.cpu"}},
    ]
    odd: list[Object] = [
        {},
        {"fieldRef": {"fieldPath": "status.nothing"}},
        {"fieldRef": {}},
        {"configMapKeyRef": {"name": "a"}},
        {"resourceFieldRef": {"resource": "cpu"}},
        sources[0] | sources[1],
        {"secretKeyRef": {"name": "A", "key": "?"}},
        {"fieldRef": {"fieldPath": "metadata.labels['a']"}},
        {"fieldRef": {"fieldPath": "metadata.name", "apiVersion": "v2"}},
    ]
    if g.rng.random() < 0.7:
        return fields(name=name, value=g.sometimes(0.9, lambda: g.pick(("1", "", "$(A)"), (1, None, True))))
    value = g.sometimes(0.1 * g.oddity, lambda: "x")
    return fields(name=name, value=value, valueFrom=g.pick(sources, odd))


def _container_port(g: Grammar) -> Object:
    return fields(
        containerPort=g.pick(PORTS, ODD_PORTS),
        name=g.sometimes(0.6, lambda: g.pick(PORT_NAMES, ODD_PORT_NAMES)),
        protocol=g.sometimes(0.3, lambda: g.pick(("TCP", "UDP", "SCTP"), ("tcp", "HTTP", ""))),
        hostPort=g.sometimes(0.03, lambda: g.pick((8080,), (0, -1, 70000))),
        hostIP=g.sometimes(0.02, lambda: g.pick(ADDRESSES, ODD_ADDRESSES)),
    )


def _container(g: Grammar, *, init: bool = False) -> Object:
    def lifecycle() -> Object:
        return fields(
            preStop=g.sometimes(0.8, lambda: _handler(g, hook=True)),
            postStart=g.sometimes(0.3, lambda: _handler(g, hook=True)),
            stopSignal=g.sometimes(0.03, lambda: g.pick(("SIGUSR1",), ("SIGFOO", ""))),
        )

    share = 0.1 if init else 0.4
    return fields(
        name=g.pick(("app", "side", "c1"), ODD_NAMES[:8]),
        image=g.pick(IMAGES, ODD_IMAGES),
        imagePullPolicy=g.sometimes(0.2, lambda: g.pick(("Always", "Never", "IfNotPresent"), ("always", ""))),
        command=g.sometimes(0.2, lambda: g.pick((["a"], ["sh", "-c", "b"]), ([], [""]))),
        ports=g.sometimes(0.6, lambda: g.several(2, lambda: _container_port(g))),
        readinessProbe=g.sometimes(share, lambda: _probe(g)),
        livenessProbe=g.sometimes(share / 2, lambda: _probe(g)),
        startupProbe=g.sometimes(share / 3, lambda: _probe(g)),
        lifecycle=g.sometimes(share, lifecycle),
        resources=g.sometimes(0.35, lambda: _resources(g)),
        env=g.sometimes(0.3, lambda: g.several(2, lambda: _env(g))),
        envFrom=g.sometimes(0.06, lambda: [g.pick(ENV_SOURCES, ODD_ENV_SOURCES)]),
        volumeMounts=g.sometimes(
            0.12,
            lambda: [
                fields(
                    name=g.pick(("data",), ("", "nothing")),
                    mountPath=g.pick(("/data",), ("", "data", "/a:b")),
                    subPath=g.sometimes(0.1, lambda: g.pick(("a",), ("/a", "../a"))),
                )
            ],
        ),
        terminationMessagePolicy=g.sometimes(0.04, lambda: g.pick(("File", "FallbackToLogsOnError"), ("x",))),
        securityContext=g.sometimes(0.06, lambda: g.pick(CONTAINER_SECURITY, ODD_CONTAINER_SECURITY)),
        restartPolicy=g.sometimes(
            0.4 if init else 0.1 * g.oddity, lambda: g.pick(("Always",), ("Never", "OnFailure", ""))
        ),
    )


def pod_spec(g: Grammar, *, bare: bool = False) -> Object:
    """Return the spec of a pod; ``bare`` for one that no controller owns."""
    containers = g.several(2, lambda: _container(g))
    if g.rng.random() > g.oddity / 2:
        for number, each in enumerate(containers[1:]):
            each["name"] = f"side{number}"
    mounted = any("volumeMounts" in each for each in containers)
    return fields(
        containers=containers,
        initContainers=g.sometimes(0.12, lambda: [_container(g, init=True) | {"name": "prepare"}]),
        volumes=[g.pick(VOLUMES, ODD_VOLUMES)] if mounted and g.rng.random() < 0.95 else ...,
        terminationGracePeriodSeconds=g.sometimes(0.4, lambda: g.pick((0, 5, 30, 60), (-1, 2147483648, 1.5, "5"))),
        restartPolicy=g.sometimes(
            0.3 if bare else 0.1,
            lambda: g.pick(
                ("Always", "Never", "OnFailure") if bare else ("Always",), ("Never", "always", "", "OnFailure")
            ),
        ),
        dnsPolicy=g.sometimes(0.05, lambda: g.pick(("ClusterFirst", "Default"), ("None", "x", ""))),
        activeDeadlineSeconds=g.sometimes(0.04, lambda: g.pick((60,), (0, -1, 2147483648))),
        hostNetwork=g.sometimes(0.04, lambda: g.pick((False,), (True,))),
        hostAliases=g.sometimes(
            0.03, lambda: [{"ip": g.pick(ADDRESSES, ODD_ADDRESSES), "hostnames": [g.pick(HOSTS[:2], ODD_HOSTS)]}]
        ),
        nodeSelector=g.sometimes(0.05, lambda: g.pick(LABELS, ODD_LABELS)),
        tolerations=g.sometimes(0.05, lambda: [g.pick(TOLERATIONS, ODD_TOLERATIONS)]),
        readinessGates=g.sometimes(0.05, lambda: [{"conditionType": g.pick(("example.com/a",), ("", "a b", "a/b/c"))}]),
        serviceAccountName=g.sometimes(0.05, lambda: g.pick(("default",), ("A", "a b", ""))),
        hostname=g.sometimes(0.04, lambda: g.pick(("web",), ("a.b", "A", _LONG))),
        subdomain=g.sometimes(0.03, lambda: g.pick(("web",), ("a.b", "A"))),
        imagePullSecrets=g.sometimes(0.03, lambda: [g.pick(({"name": "a"},), ({}, {"name": ""}))]),
        topologySpreadConstraints=g.sometimes(0.04, lambda: [g.pick(SPREADS, ODD_SPREADS)]),
        affinity=g.sometimes(0.04, lambda: g.pick(AFFINITIES, ODD_AFFINITIES)),
        securityContext=g.sometimes(0.05, lambda: g.pick(POD_SECURITY, ODD_POD_SECURITY)),
        schedulerName=g.sometimes(0.02, lambda: g.pick(("other",), ("",))),
        shareProcessNamespace=g.sometimes(0.03, lambda: g.pick((True, False))),
        priorityClassName=g.sometimes(0.02, lambda: g.pick(("high",), ("A b",))),
    )


def _selector(g: Grammar, labels: Any) -> Any:
    odd: tuple[Any, ...] = (
        {},
        None,
        {"matchLabels": {}},
        {"matchLabels": {"app": "other"}},
        {"matchLabels": {"a b": "c"}},
        {"matchExpressions": [{"key": "app", "operator": "Exists"}]},
        {"matchExpressions": [{"key": "app", "operator": "Exists", "values": ["web"]}]},
        {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "a"]}]},
        {"matchExpressions": [{"key": "app", "operator": "In", "values": []}]},
        {"matchExpressions": [{"key": "app", "operator": "Gt", "values": ["1"]}]},
        {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a b"]}]},
        {"matchExpressions": [{"operator": "Exists"}]},
        {"matchExpressions": [{"key": "x", "operator": "DoesNotExist"}]},
    )
    return g.pick(({"matchLabels": labels},), odd)


def _templated(g: Grammar, kind: str) -> tuple[Object, Object]:
    labels = g.pick(LABELS, ODD_LABELS)
    template_meta = fields(labels=labels, annotations=g.sometimes(0.1, lambda: g.pick(({"a": "b"},), ({"a b": "c"},))))
    spec = fields(
        replicas=g.sometimes(0.7, lambda: g.pick((0, 1, 3, 10), (-1, "3", 1.5, 2147483648, None))),
        minReadySeconds=g.sometimes(0.2, lambda: g.pick((0, 5), (-1, 600, 700))),
        selector=_selector(g, labels),
        template=fields(metadata=template_meta, spec=pod_spec(g)),
    )
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": _metadata(g), "spec": spec}, spec


def deployment(g: Grammar) -> Object:
    """Return a Deployment."""
    obj, spec = _templated(g, "Deployment")

    def rolling() -> Any:
        return fields(
            maxSurge=g.sometimes(0.8, lambda: g.pick(SHARES[1:], (*ODD_SHARES, 0))),
            maxUnavailable=g.sometimes(0.8, lambda: g.pick(SHARES, ODD_SHARES)),
        )

    strategies: list[Callable[[], Any]] = [
        lambda: {"type": "RollingUpdate", "rollingUpdate": rolling()},
        lambda: {"type": "Recreate"},
    ]
    odd: list[Callable[[], Any]] = [
        dict,
        lambda: {"type": "x"},
        lambda: {"type": "Recreate", "rollingUpdate": rolling()},
        lambda: {"rollingUpdate": rolling()},
        lambda: {"type": ""},
    ]
    spec.update(
        fields(
            strategy=g.sometimes(0.7, g.pick(strategies, odd)),
            progressDeadlineSeconds=g.sometimes(0.2, lambda: g.pick((60, 600), (0, -1, 5, 2147483647))),
            revisionHistoryLimit=g.sometimes(0.15, lambda: g.pick((0, 2), (-1,))),
            paused=g.sometimes(0.05, lambda: g.pick((True, False), ("true",))),
        )
    )
    return obj


def replicaset(g: Grammar) -> Object:
    """Return a ReplicaSet."""
    return _templated(g, "ReplicaSet")[0]


def pod(g: Grammar) -> Object:
    """Return a pod."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": _metadata(g), "spec": pod_spec(g, bare=True)}


def _service_port(g: Grammar) -> Object:
    return fields(
        port=g.pick(PORTS, ODD_PORTS),
        name=g.sometimes(0.5, lambda: g.pick(PORT_NAMES, ODD_PORT_NAMES)),
        targetPort=g.sometimes(0.7, lambda: g.pick((*PORTS, "http"), (*ODD_PORTS, *ODD_PORT_NAMES))),
        protocol=g.sometimes(0.2, lambda: g.pick(("TCP", "UDP"), ("tcp", "HTTP", "SCTP"))),
        appProtocol=g.sometimes(0.08, lambda: g.pick(("http", "kubernetes.io/h2c"), ("a b", "/x"))),
        nodePort=g.sometimes(0.04, lambda: g.pick((30080,), (0, 80, -1))),
    )


def service(g: Grammar) -> Object:
    """Return a Service."""
    ports = g.several(3, lambda: _service_port(g))
    if len(ports) > 1 and g.rng.random() > g.oddity:
        for number, each in enumerate(ports):
            each |= {"name": f"p{number}", "port": 80 + number}
    spec = fields(
        selector=g.sometimes(0.9, lambda: g.pick(LABELS, ODD_LABELS)),
        ports=g.pick((ports,), ([], None, [{}])),
        type=g.sometimes(
            0.3, lambda: g.pick(("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"), ("clusterIP", ""))
        ),
        externalName=g.sometimes(
            0.12, lambda: g.pick(("example.com",), ("", "a b", "1.2.3.4", "A.com", "example.com."))
        ),
        clusterIP=g.sometimes(0.12, lambda: g.pick(("None", "10.96.7.7", ""), ("1.2.3", "none", "::1"))),
        sessionAffinity=g.sometimes(0.15, lambda: g.pick(("None", "ClientIP"), ("x", ""))),
        sessionAffinityConfig=g.sometimes(
            0.1,
            lambda: g.pick(
                ({"clientIP": {"timeoutSeconds": 100}},),
                ({"clientIP": {"timeoutSeconds": 0}}, {"clientIP": {"timeoutSeconds": 86401}}, {}, {"clientIP": {}}),
            ),
        ),
        publishNotReadyAddresses=g.sometimes(0.08, lambda: g.pick((True, False))),
        externalTrafficPolicy=g.sometimes(0.08, lambda: g.pick(("Cluster", "Local"), ("x", ""))),
        internalTrafficPolicy=g.sometimes(0.08, lambda: g.pick(("Cluster", "Local"), ("x",))),
        externalIPs=g.sometimes(0.04, lambda: [g.pick(ADDRESSES, (*ODD_ADDRESSES, "127.0.0.1"))]),
        healthCheckNodePort=g.sometimes(0.03, lambda: g.pick((30100,), (-1, 0))),
        loadBalancerSourceRanges=g.sometimes(0.03, lambda: [g.pick(("10.0.0.0/8",), ("10.0.0.0", "x"))]),
        trafficDistribution=g.sometimes(0.04, lambda: g.pick(("PreferClose",), ("x", ""))),
        ipFamilyPolicy=g.sometimes(0.03, lambda: g.pick(("SingleStack",), ("x", "RequireDualStack"))),
        ipFamilies=g.sometimes(0.03, lambda: g.pick((["IPv4"],), (["IPv4", "IPv4"], ["x"], ["IPv6", "IPv4"]))),
        loadBalancerClass=g.sometimes(0.02, lambda: g.pick(("example.com/a",), ("a b",))),
    )
    return {"apiVersion": "v1", "kind": "Service", "metadata": _metadata(g), "spec": spec}


def _backend(g: Grammar) -> Object:
    def port() -> Object:
        odd: tuple[Object, ...] = (
            {},
            {"number": 80, "name": "http"},
            {"number": 0},
            {"number": 70000},
            {"name": "HTTP"},
            {"name": ""},
        )
        found: Object = g.pick(({"number": 80}, {"name": "http"}), odd)
        return found

    service = fields(name=g.pick(NAMES, ODD_NAMES), port=g.sometimes(0.95, port))
    resource = {"apiGroup": "a.example", "kind": "Bucket", "name": "b"}
    odd: tuple[Object, ...] = (
        {},
        {"resource": resource},
        {"service": service, "resource": resource},
        {"resource": {"kind": "", "name": ""}},
    )
    found: Object = g.pick(({"service": service},), odd)
    return found


def ingress(g: Grammar) -> Object:
    """Return an Ingress."""

    def path() -> Object:
        return fields(
            path=g.sometimes(0.95, lambda: g.pick(PATHS, ODD_PATHS)),
            pathType=g.pick(("Prefix", "Exact", "ImplementationSpecific"), ("prefix", "", None, ...)),
            backend=g.pick((_backend(g),), (None, ...)),
        )

    def rule() -> Object:
        return fields(
            host=g.sometimes(0.8, lambda: g.pick(HOSTS, ODD_HOSTS)),
            http=g.sometimes(0.95, lambda: fields(paths=g.pick((g.several(2, path),), ([], None)))),
        )

    spec = fields(
        ingressClassName=g.sometimes(0.6, lambda: g.pick(("nginx",), ("Nginx", "", "a b"))),
        rules=g.sometimes(0.95, lambda: g.several(2, rule)),
        defaultBackend=g.sometimes(0.1, lambda: _backend(g)),
        tls=g.sometimes(
            0.15,
            lambda: [
                fields(
                    hosts=g.sometimes(0.9, lambda: [g.pick(HOSTS, ODD_HOSTS)]),
                    secretName=g.sometimes(0.9, lambda: g.pick(("tls",), ("TLS", "", "a b"))),
                )
            ],
        ),
    )
    obj: Object = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": _metadata(g), "spec": spec}
    if g.rng.random() < 0.05:
        obj["metadata"].setdefault("annotations", {})["kubernetes.io/ingress.class"] = "nginx"
    return obj


def configmap(g: Grammar) -> Object:
    """Return a ConfigMap."""
    data: tuple[Object, ...] = ({"a": "b"}, {"a.b": "1", "C_d": ""}, {})
    odd: tuple[Any, ...] = (
        {"a b": "c"},
        {"": "x"},
        {"..": "x"},
        {".": "x"},
        {"a": 1},
        {"a/b": "c"},
        {"a" * 254: "b"},
        {"a": None},
        "x",
    )
    return fields(
        apiVersion="v1",
        kind="ConfigMap",
        metadata=_metadata(g),
        data=g.sometimes(0.9, lambda: g.pick(data, odd)),
        binaryData=g.sometimes(
            0.2, lambda: g.pick(({"b": "AAAA"},), ({"a": "AAAA"}, {"b": "?"}, {"b c": ""}, {"b": 1}))
        ),
        immutable=g.sometimes(0.1, lambda: g.pick((True, False), ("true",))),
    )


def secret(g: Grammar) -> Object:
    """Return a Secret."""
    kinds = ("Opaque", "kubernetes.io/tls", "example.com/a")
    odd = ("", "kubernetes.io/dockerconfigjson", "kubernetes.io/basic-auth", "kubernetes.io/service-account-token")
    data = ({"a": "MQ=="}, {"tls.crt": "MQ==", "tls.key": "MQ=="}, {"username": "MQ=="})
    return fields(
        apiVersion="v1",
        kind="Secret",
        metadata=_metadata(g),
        type=g.sometimes(0.6, lambda: g.pick(kinds, odd)),
        data=g.sometimes(0.8, lambda: g.pick(data, ({"a": "?"}, {"a b": "MQ=="}, {"a": 1}, {"a": ""}, {"..": "MQ=="}))),
        stringData=g.sometimes(0.3, lambda: g.pick(({"a": "x"}, {"c": "é"}), ({"a b": "c"}, {"a": 1}))),
    )


def endpointslice(g: Grammar) -> Object:
    """Return an EndpointSlice."""

    def endpoint() -> Object:
        conditions: tuple[Object, ...] = ({"ready": True}, {"ready": False, "serving": True, "terminating": True}, {})
        return fields(
            addresses=g.pick((["10.0.0.1"], ["10.0.0.2"]), ([], None, *([each] for each in ODD_ADDRESSES))),
            conditions=g.sometimes(0.7, lambda: g.pick(conditions)),
            hostname=g.sometimes(0.05, lambda: g.pick(("a",), ("A", "a.b"))),
            nodeName=g.sometimes(0.1, lambda: g.pick(("n",), ("a b",))),
        )

    def port() -> Object:
        return fields(
            name=g.sometimes(0.7, lambda: g.pick(PORT_NAMES, ODD_PORT_NAMES)),
            port=g.sometimes(0.95, lambda: g.pick(PORTS, (0, -1, 65536))),
            protocol=g.sometimes(0.4, lambda: g.pick(("TCP", "UDP"), ("tcp", ""))),
            appProtocol=g.sometimes(0.05, lambda: g.pick(("http",), ("a b",))),
        )

    return fields(
        apiVersion="discovery.k8s.io/v1",
        kind="EndpointSlice",
        metadata=_metadata(g),
        addressType=g.pick(("IPv4",), ("IPv6", "FQDN", "x", "", ...)),
        endpoints=g.pick((g.several(2, endpoint),), ([], None)),
        ports=g.pick((g.several(2, port),), ([], None)),
    )


KINDS: dict[str, Callable[[Grammar], Object]] = {
    "Deployment": deployment,
    "ReplicaSet": replicaset,
    "Pod": pod,
    "Service": service,
    "Ingress": ingress,
    "ConfigMap": configmap,
    "Secret": secret,
    "EndpointSlice": endpointslice,
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value below the top of an object."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        yield (*path, name)
        yield from places(item, (*path, name))


#: Fields whose loss or change would only say that this is not an object of its kind.
_KEPT = ({"apiVersion"}, {"kind"}, {"metadata"}, {"metadata", "namespace"}, {"metadata", "name"})
_WRONG: tuple[Any, ...] = (None, "x", "", 1, 0, -1, True, 1.5, [], {}, ["x"], {"x": "y"})


def damaged(obj: Object, rng: random.Random) -> Object:
    """Return a copy in which one place has another value, is missing, is doubled, or has an unknown neighbour."""
    obj = copy.deepcopy(obj)
    *above, last = rng.choice([path for path in places(obj) if set(map(str, path)) not in _KEPT])
    holder: Any = obj
    for part in above:
        holder = holder[part]
    match rng.choice(("wrong", "wrong", "gone", "doubled", "unknown")):
        case "wrong":
            holder[last] = copy.deepcopy(rng.choice(_WRONG))
        case "gone":
            del holder[last]
        case "doubled" if isinstance(holder, list):
            holder.append(copy.deepcopy(holder[last]))
        case _ if isinstance(holder, dict):
            holder[rng.choice(("unknown", "Name", "podSpec", "repicas"))] = rng.choice(("x", 1, {"a": "b"}))
    return obj
