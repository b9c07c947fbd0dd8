"""The commands that participants type: a row for each, with its result on the embedded cluster.

Each row is a test with the real kubectl, on the embedded cluster and on kind, and a line of
``docs/reference/kubectl.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

WAIT = "--timeout=60s"


class Result(StrEnum):
    """The result of a command."""

    WORKS = "works"
    DIFFERS = "differs"
    REFUSED = "refused"


@dataclass(frozen=True)
class Row:
    """A command.

    Attributes:
        command: The words after ``kubectl``; ``{node}``, ``{image}`` and ``{shell}`` are those of the cluster.
        shows: A pattern that its output or its errors contain.
        note: What a reader needs to know; for another result than ``works``, what differs or is refused.
        result: What becomes of it.
        first: Commands that come before it, which succeed.
        after: Commands that undo what the namespace's end does not.
        fails: True if its exit code is not 0.
        stdin: Its standard input.
        env: Its environment, in addition.
        shell: True if it needs the pod ``shell``.
        serves: True if it forwards a port until it is ended; then ``shows`` is what the port answers.
        real: What a real cluster shows instead; empty if that depends on more than this command.
    """

    command: str
    shows: str
    note: str = ""
    result: Result = Result.WORKS
    first: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    fails: bool = False
    stdin: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    shell: bool = False
    serves: bool = False
    real: str = ""

    @property
    def reads(self) -> bool:
        """Return True if it changes nothing, so that other rows may use the same objects."""
        return not self.first and not self.after and self.command.split()[0] in _READING


_READING = frozenset(
    (
        "api-resources", "api-versions", "attach", "auth", "cluster-info", "describe", "diff", "events", "explain",
        "get", "logs", "port-forward", "top", "version", "wait",
    )
)  # fmt: skip

#: The objects of each row's namespace.
APPLE = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: apple, labels: {app: apple}}
spec:
  replicas: 1
  selector: {matchLabels: {app: apple}}
  template:
    metadata: {labels: {app: apple, version: apple-v1}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: apple
        image: "IMAGE"
        args: ["-text=apple-v1"]
        ports: [{containerPort: 5678}]
---
apiVersion: v1
kind: Service
metadata: {name: apple-service}
spec:
  selector: {app: apple}
  ports: [{port: 5678}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: red}
"""
INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: fruit}
spec:
  ingressClassName: nginx
  rules:
  - http:
      paths:
      - {path: /apple, pathType: Prefix, backend: {service: {name: apple-service, port: {number: 5678}}}}
"""
SHELL = """
apiVersion: v1
kind: Pod
metadata: {name: shell}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: shell, image: "SHELL", command: COMMAND, env: [{name: COLOUR, value: red}]}
"""
_POD = """
apiVersion: v1
kind: Pod
metadata: {name: bare}
spec: {containers: [{name: bare, image: "IMAGE"}]}
"""
_OLD_INGRESS = """
apiVersion: extensions/v1beta1
kind: Ingress
metadata: {name: old}
spec: {rules: []}
"""
_TYPO = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: typo}\nspec: {replicaz: 1}\n"
_SCALED = "spec:\n  replicas: 2\n"
_APPLIED = (
    "apiVersion: v1\nkind: Service\nmetadata: {name: apple-service}\n"
    "spec: {selector: {app: apple, version: apple-v2}, ports: [{port: 5678}]}\n"
)
_EDITOR = {"KUBE_EDITOR": "sed -i s/apple-v1/apple-v2/"}
_NEW_IMAGE = "set image deploy/apple apple={image2}"
#: The wait until the budget's controller has counted its pods; before, every eviction is refused.
_COUNTED = f"wait --for=jsonpath={{{{.status.currentHealthy}}}}=1 pdb/held {WAIT}"
#: A Deployment whose pods no other row uses.
_HELD = ("create deployment held --image={image}", f"rollout status deployment/held {WAIT}")
_ROLLED_OUT = f"rollout status deploy/apple {WAIT}"
_NO_SHELL = 'exec: "sh": executable file not found in \\$PATH'

R = Result

ROWS: Mapping[str, tuple[Row, ...]] = {
    "Create": (
        Row("create -f -", "pod/bare created", stdin=_POD),
        Row("create deployment pear --image={image} --replicas=2", r"deployment\.apps/pear created"),
        Row("create configmap c --from-literal=a=b", "configmap/c created"),
        Row("create secret generic s --from-literal=a=b", "secret/s created"),
        Row("create serviceaccount robot", "serviceaccount/robot created"),
        Row(
            "create namespace {namespace}-new",
            "namespace/.+-new created",
            after=("delete namespace {namespace}-new --wait=false",),
        ),
        Row("create service clusterip pear --tcp=80:5678", "service/pear created"),
        Row(
            "create ingress i --class=nginx --rule='/apple*=apple-service:5678'",
            r"ingress\.networking\.k8s\.io/i created",
        ),
        Row("create role r --verb=get --resource=pods", "role.* created"),
        Row(
            "create rolebinding rb --role=r --user=me",
            "rolebinding.* created",
            first=("create role r --verb=get --resource=pods",),
        ),
        Row(
            "create job j --image={image}",
            r"Job is stored: the embedded cluster runs no pods for it[\s\S]*job\.batch/j created",
            "A Job, CronJob, StatefulSet or DaemonSet is stored; a warning and an Event say that no pods are run.",
            R.DIFFERS,
            real=r"job\.batch/j created",
        ),
        Row(
            "create poddisruptionbudget b --selector=app=apple --min-available=1",
            r"poddisruptionbudget\.policy/b created",
        ),
        Row(
            "create quota q --hard=pods=3",
            r"limits no namespace[\s\S]*resourcequota/q created",
            "The quota is stored and limits nothing.",
            R.DIFFERS,
            real="resourcequota/q created",
        ),
        Row(
            "create token default",
            "^ey",
            "Nothing checks the token: every client may do everything.",
            R.DIFFERS,
        ),
        Row("create token nobody", 'serviceaccounts "nobody" not found', fails=True),
        Row("create token default --duration=1m", "may not specify a duration less than 10 minutes", fails=True),
        Row("create deployment apple --image={image}", "already exists", "An existing name is an error.", fails=True),
        Row(
            "create -f -",
            'no matches for kind "Ingress" in version "extensions/v1beta1"',
            "Manifests of 2020 name versions that no longer exist.",
            fails=True,
            stdin=_OLD_INGRESS,
        ),
        Row("run pear --image={image} --port=5678", "pod/pear created"),
        Row(
            "run pear --image={image} --port=5678 --expose",
            r"pod/pear created\nservice/pear created|service/pear created\npod/pear created",
        ),
        Row("expose deployment apple --name=pear --port=80 --target-port=5678", "service/pear exposed"),
        Row(
            "autoscale deployment apple --min=1 --max=3",
            r"only its bounds have an effect[\s\S]*autoscaled",
            "Nothing measures the load, so the autoscaler only keeps the replicas within its bounds.",
            R.DIFFERS,
            real="autoscaled",
        ),
    ),
    "Apply and compare": (
        Row("apply -f -", r"service/apple-service configured", stdin=_APPLIED),
        Row("apply -f -", 'unknown field "spec.replicaz"', "An unknown field is an error.", fails=True, stdin=_TYPO),
        Row("apply --dry-run=server -f -", r"configured \(server dry run\)", stdin=_APPLIED),
        Row("apply --server-side --force-conflicts -f -", "serverside-applied", stdin=_APPLIED),
        Row(
            "apply --server-side -f -",
            "serverside-applied",
            "It takes over what was applied without `--server-side`.",
            stdin=_APPLIED,
        ),
        Row(
            "apply --server-side --field-manager=me -f -",
            'conflict with "kubectl-client-side-apply" using v1: .spec.selector',
            "A field of another manager is a conflict.",
            fails=True,
            stdin=_APPLIED,
        ),
        Row(
            "apply --server-side -f -",
            r'conflict with "kubectl-patch" using v1: .spec.selector',
            "A manager that patched the field is named.",
            first=('patch service apple-service -p \'{{"spec":{{"selector":{{"version":"x"}}}}}}\'',),
            fails=True,
            stdin=_APPLIED,
        ),
        Row(
            "diff -f -",
            r"\+    version: apple-v2",
            "The exit code is 1 if there are differences.",
            fails=True,
            stdin=_APPLIED,
        ),
        Row("replace -f -", r"service/apple-service replaced", stdin=_APPLIED),
        Row(
            "edit deployment apple",
            r"deployment\.apps/apple edited",
            "With any editor that `KUBE_EDITOR` names.",
            env=_EDITOR,
        ),
        Row(
            "kustomize /nonexistent",
            "not a valid directory|must build at directory",
            "kubectl does this without a cluster.",
            fails=True,
        ),
    ),
    "Look": (
        Row("get all", r"deployment\.apps/apple"),
        Row("get pods -o wide", r"NAME +READY +STATUS +RESTARTS +AGE +IP +NODE"),
        Row("get deployment apple -o yaml", 'image: "?[a-z/.]*http-echo'),
        Row("get service apple-service -o jsonpath={{.spec.selector.app}}", "^apple$"),
        Row(
            "get pods -o custom-columns=NAME:.metadata.name,IMAGE:.spec.containers[*].image",
            r"NAME +IMAGE\napple-",
        ),
        Row("get pods -l version=apple-v1 --sort-by=.metadata.name -o name", "^pod/apple-"),
        Row("get pods --field-selector=status.phase=Running -o name", "^pod/apple-"),
        Row("get pods -A", "NAMESPACE +NAME"),
        Row("get pods -w --request-timeout=2s", "apple-.*Running", "Each change is a line."),
        Row("get endpointslices -o wide", r"apple-service-\w+ +IPv4 +5678"),
        Row("get endpoints apple-service", r"apple-service +[\d.]+:5678"),
        Row("describe endpoints apple-service", r"Addresses: +\d"),
        Row("get hpa", "apple +Deployment/apple +cpu: <unknown>/80%", first=("autoscale deployment apple --max=3",)),
        Row("get nodes -o wide", r"INTERNAL-IP"),
        Row("get nothing", "the server doesn't have a resource type", "", fails=True),
        Row(
            "get customresourcedefinitions",
            "the server doesn't have a resource type",
            "The kinds are fixed: no definitions, and no volumes or storage classes.",
            R.REFUSED,
            fails=True,
            real="NAME|No resources",
        ),
        Row("describe deployment apple", r"StrategyType: +RollingUpdate"),
        Row("describe pod -l app=apple", r"Controlled By: +ReplicaSet/apple-"),
        Row("describe service apple-service", r"Endpoints: +[\d.]+:5678"),
        Row("describe configmap settings", "colour"),
        Row("describe node {node}", r"Allocated resources"),
        Row("get deployment apple -o yaml --show-managed-fields", "manager: kubectl-client-side-apply"),
        Row("get deployment apple --subresource=scale", r"NAME +DESIRED +AVAILABLE +AGE\napple +1 +1 "),
        Row("get secret s", "s +Opaque +1", first=("create secret generic s --from-literal=a=b",)),
        Row("describe secret s", "a: +1 bytes", first=("create secret generic s --from-literal=a=b",)),
        Row("describe job j", r"Pods Statuses", first=("create job j --image={image}",)),
        Row("describe hpa apple", "Reference: +Deployment/apple", first=("autoscale deployment apple --max=3",)),
        Row(
            "describe ingress i",
            "/apple +apple-service:5678",
            first=("create ingress i --class=nginx --rule=/apple=apple-service:5678",),
        ),
        Row("events", r"Deployment/apple|Pod/apple"),
        Row("events --for deployment/apple", "Scaled up replica set apple-"),
        Row("get events --sort-by=.lastTimestamp", "ScalingReplicaSet"),
        Row("logs deployment/apple", "listening on"),
        Row("logs -l app=apple --tail=1 --prefix", r"\[pod/apple-.*/apple\]"),
        Row(
            "logs deployment/apple --timestamps",
            r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z .*listening on",
            "A line's time is that of the next look at the file, at most a quarter of a second later.",
            R.DIFFERS,
        ),
        Row("logs deployment/apple --since=1h", "listening on", "The same times decide."),
        Row("logs deployment/apple --since-time=2100-01-01T00:00:00Z", r"\A\Z"),
        Row("explain deployment.spec.strategy", r"FIELD: strategy <DeploymentStrategy>"),
        Row("explain pod.spec.containers.readinessProbe.httpGet", r"path\s+<string>"),
        Row("explain pod --recursive", r"terminationGracePeriodSeconds\s+<integer>"),
        Row("explain pod.nothing", r'field "nothing" does not exist', fails=True),
        Row("api-resources", r"deployments +deploy +apps/v1 +true +Deployment"),
        Row("api-versions", "networking.k8s.io/v1"),
        Row("version", r"Server Version: v1\.\d+"),
        Row("cluster-info", "is running at"),
        Row(
            "top pods",
            "Metrics API not available",
            "Metrics API not available: as on a real cluster without metrics-server.",
            R.REFUSED,
            fails=True,
        ),
        Row("top nodes", "Metrics API not available", "The same.", R.REFUSED, fails=True),
        Row("auth can-i create deployments", "^yes", "Every client may do everything."),
        Row("auth can-i --list", r"\*\.\*"),
        Row(
            "auth whoami",
            "system:anonymous",
            "There are no logins.",
            R.DIFFERS,
            real="Username",
        ),
    ),
    "Change": (
        Row("scale deployment apple --replicas=2", "scaled"),
        Row("scale deployment apple --current-replicas=5 --replicas=2", "Expected replicas to be 5", fails=True),
        Row("set image deployment/apple apple={image2}", "image updated"),
        Row("set env deployment/apple COLOUR=blue", "env updated"),
        Row("set resources deployment/apple --limits=cpu=100m", "resource requirements updated"),
        Row("set selector service apple-service app=pear", "selector updated"),
        Row("set serviceaccount deployment/apple default", "serviceaccount updated"),
        Row("label pods -l app=apple tier=web", "labeled"),
        Row("label deployment apple app-", "unlabeled"),
        Row("annotate deployment apple note=hello", "annotated"),
        Row('patch service apple-service -p \'{{"spec":{{"selector":{{"version":"apple-v2"}}}}}}\'', "patched"),
        Row('patch service apple-service --type=merge -p \'{{"spec":{{"selector":{{"app":null}}}}}}\'', "patched"),
        Row(
            "patch service apple-service --type=json "
            '-p \'[{{"op":"replace","path":"/spec/selector/app","value":"x"}}]\'',
            "patched",
        ),
        Row('patch deployment apple --subresource=scale --type=merge -p \'{{"spec":{{"replicas":2}}}}\'', "patched"),
        Row(
            'patch deployment apple -p \'{{"spec":{{"replicas":"two"}}}}\'',
            "cannot unmarshal|Invalid value",
            "A wrong type is an error.",
            fails=True,
        ),
        Row(
            "taint nodes {node} key=value:NoSchedule",
            "tainted",
            "The taint is stored; pods are scheduled as before.",
            R.DIFFERS,
            after=("taint nodes {node} key-",),
        ),
        Row("cordon {node}", "cordoned", after=("uncordon {node}",)),
        Row("uncordon {node}", "uncordoned", first=("cordon {node}",), after=("uncordon {node}",)),
        Row(
            "drain {node} --ignore-daemonsets --delete-emptydir-data --force --dry-run=server",
            r"drained \(server dry run\)",
            "Without the dry run, the pods are evicted; new ones wait until `uncordon`.",
            after=("uncordon {node}",),
        ),
        Row(
            "drain {node} --pod-selector=app=held --timeout=60s",
            r"pod/held-\S+ evicted[\s\S]*drained",
            "The PodDisruptionBudget allows it; the new pod waits until `uncordon`.",
            first=(*_HELD, "create poddisruptionbudget held --selector=app=held --max-unavailable=1", _COUNTED),
            after=("uncordon {node}",),
        ),
        Row(
            "drain {node} --pod-selector=app=held --timeout=3s",
            "Cannot evict pod as it would violate the pod's disruption budget",
            "kubectl tries again every 5 s until its timeout.",
            first=(*_HELD, "create poddisruptionbudget held --selector=app=held --min-available=1", _COUNTED),
            after=("uncordon {node}",),
            fails=True,
        ),
    ),
    "Roll out": (
        Row(f"rollout status deployment/apple {WAIT}", "successfully rolled out"),
        Row("rollout history deployment/apple", r"REVISION +CHANGE-CAUSE\n1 "),
        Row("rollout history deployment/apple --revision=1", "Image:"),
        Row("rollout restart deployment/apple", "restarted"),
        Row("rollout pause deployment/apple", "paused"),
        Row("rollout resume deployment/apple", "resumed", first=("rollout pause deployment/apple",)),
        Row("rollout undo deployment/apple", "rolled back", first=(_NEW_IMAGE, _ROLLED_OUT)),
        Row("rollout undo deployment/apple --to-revision=1", "rolled back", first=(_NEW_IMAGE, _ROLLED_OUT)),
        Row("rollout undo deployment/apple --to-revision=9", "unable to find specified revision 9", fails=True),
        Row(f"wait --for=condition=Available deployment/apple {WAIT}", "condition met"),
        Row(f"wait --for=jsonpath={{{{.status.readyReplicas}}}}=1 deployment/apple {WAIT}", "condition met"),
        Row("wait --for=condition=Nothing deployment/apple --timeout=1s", "timed out waiting", fails=True),
        Row(f"wait --for=delete pod/nothing {WAIT}", "", "A pod that is gone already is no error."),
    ),
    "Enter": (
        Row(
            "exec shell -- sh -c 'echo $COLOUR; exit 3'",
            r"red\ncommand terminated with exit code 3",
            "The program really runs, with the container's environment. "
            "It is a program of your machine, sees your machine's files, and may write only in a folder of its pod, "
            "in which it begins.",
            R.DIFFERS,
            fails=True,
            shell=True,
            real=r"red\ncommand terminated with exit code 3",
        ),
        Row("exec -i shell -- cat", "hello", stdin="hello\n", shell=True),
        Row(
            "exec shell -- touch /outside",
            "Permission denied",
            "Files of your machine cannot be changed.",
            R.REFUSED,
            fails=True,
            shell=True,
        ),
        Row(
            "exec deployment/apple -- sh -c true",
            _NO_SHELL,
            "http-echo has no shell; the message is that of a real cluster.",
            fails=True,
        ),
        Row("exec shell -- no-such-program", "executable file not found", fails=True, shell=True),
        Row("exec nothing -- true", r'pods "nothing" not found', fails=True),
        Row(
            "cp shell:copied {folder}/back",
            "^$|removing leading",
            "Copies to and from the folder in which `exec` begins; an absolute path is one of your machine.",
            R.DIFFERS,
            first=("exec shell -- sh -c 'echo hello > copied'",),
            shell=True,
        ),
        Row("cp {folder}/sent shell:sent", "^$", first=(), shell=True),
        Row(
            "cp {folder}/sent shell:/usr/sent",
            "Permission denied",
            "Files of your machine cannot be changed.",
            R.REFUSED,
            fails=True,
            shell=True,
        ),
        Row("port-forward deployment/apple :5678", "apple-v1", serves=True),
        Row("port-forward service/apple-service :5678", "apple-v1", serves=True),
        Row(
            "attach deployment/apple",
            "use kubectl logs -f, or kubectl exec",
            "the embedded cluster does not serve pods/attach: it does not connect to a running process; "
            "use kubectl logs -f, or kubectl exec (`run -it` attaches too)",
            R.REFUSED,
            fails=True,
        ),
        Row(
            "debug shell --image={image}",
            "use kubectl exec, or debug --copy-to",
            "the embedded cluster does not serve pods/ephemeralcontainers: it adds no container to a running pod; "
            "use kubectl exec, or debug --copy-to",
            R.REFUSED,
            fails=True,
            shell=True,
            real="debugger",
        ),
        Row("debug shell --copy-to=copy --image={image} --container=more", "^$|Creating|Defaulting", shell=True),
    ),
    "Delete": (
        Row("delete pods -l app=apple", "deleted"),
        Row("delete pods -l app=apple --wait=false", "deleted"),
        Row("delete pods -l app=apple --force --grace-period=0", "force deleted"),
        Row("delete deployment apple --cascade=orphan", "deleted"),
        Row("delete deployment apple --cascade=foreground", "deleted"),
        Row("delete service,deployment --all", "deleted"),
        Row("delete -f -", "deleted", stdin=_APPLIED),
        Row("delete pod nothing", "not found", fails=True),
        Row("delete pod nothing --ignore-not-found", "^$"),
        Row("delete namespace default", "this namespace may not be deleted", fails=True),
    ),
}
