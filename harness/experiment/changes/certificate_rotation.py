"""``certificate-rotation``: the certificate of an Ingress is replaced."""

from __future__ import annotations

from pydantic import Field

from harness.experiment.changes.context import CheckContext
from harness.experiment.changes.schema import ChangeSchema, Text
from harness.experiment.problems import listed
from harness.experiment.schema import default_of
from harness.kit.located_yaml import Place
from harness.kube.nested import at
from harness.model.changes import CertificateRotation
from harness.problem_codes import ProblemCode


class CertificateRotationSchema(ChangeSchema):
    """``certificate-rotation``."""

    secret: Text = Field(description="the Secret that an Ingress names in `tls`")
    host: Text = Field(description="the host for which it is served, as in the Ingress")
    source: str = Field(
        alias="from",
        default=default_of(CertificateRotation, "source"),
        description="another Secret of the workload, whose certificate and key are copied; by default, a self-signed "
        "certificate for the same names is made",
    )


def check(spec: CertificateRotation, place: Place, context: CheckContext) -> None:
    """Require the Secrets, an Ingress that serves the certificate, and traffic that meets and accepts it."""
    if not context.has("Secret", spec.secret, (*place, "secret")):
        return
    if spec.source and context.has("Secret", spec.source, (*place, "from")) and spec.source == spec.secret:
        context.add(ProblemCode.NO_EFFECT, (*place, "from"), f"Secret {spec.source} has this certificate already")
    hosts = _hosts(spec.secret, context)
    if not hosts:
        message = f"no Ingress has tls with secretName: {spec.secret}, so nobody serves its certificate"
        context.add(ProblemCode.NO_EFFECT, (*place, "secret"), message)
    elif spec.host not in hosts:
        message = f"no Ingress serves the certificate of {spec.secret} for host {spec.host}; there are {listed(hosts)}"
        context.add(ProblemCode.UNKNOWN_NAME, (*place, "host"), message)
    if context.plan is None:
        return
    if context.plan.tls is None:
        message = "traffic has no tls, so no request meets the certificate"
        context.add(ProblemCode.NO_EFFECT, place, message, "add tls to traffic, such as tls: {verify: false}")
    elif context.plan.tls.verify and not spec.source:
        message = "traffic checks certificates, and trusts none that the harness makes: every request would fail"
        hint = "name a Secret with a certificate of the same authority in from:, or write tls: {verify: false}"
        context.add(ProblemCode.CONFLICT, place, message, hint)


def _hosts(secret: str, context: CheckContext) -> list[str]:
    """Return the hosts for which Ingresses serve the certificate of a Secret."""
    ingresses = [m for m in context.objects.manifests if m.get("kind") == "Ingress"]
    entries = [(m, entry) for m in ingresses for entry in at(m, "spec", "tls") or []]
    mine = [(m, entry) for m, entry in entries if entry.get("secretName") == secret]
    named = [str(host) for _, entry in mine for host in entry.get("hosts") or []]
    rules = [str(rule.get("host") or "") for m, entry in mine if not entry.get("hosts") for rule in m["spec"]["rules"]]
    return list(dict.fromkeys(host for host in (*named, *rules) if host))
