"""Protobuf bodies become the objects that the same bodies in JSON are."""

from __future__ import annotations

import re
from typing import Any

import kubernetes.client
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from harness.kube.schema import KINDS
from harness.localkube.api.errors import StatusError
from harness.localkube.api.protobuf import envelope
from harness.localkube.api.protobuf.record import go_structs
from harness.localkube.api.requests import parse_body

Pairs = dict[str, tuple[Descriptor, str]]
_ITEM = re.compile(r"(?:list\[|dict\(str, *|dict\[str, *)(.+)[\])]", re.IGNORECASE)
_CUSTOM = "traefik.io"


def fields(message: Descriptor) -> dict[str, FieldDescriptor]:
    """Return the fields of a message by name in JSON, with those of embedded structs."""
    found: dict[str, FieldDescriptor] = {}
    for field in message.fields:
        inline = field.message_type if field.json_name.startswith(envelope.INLINE) else None
        found |= {field.json_name: field} if inline is None else fields(inline)
    return found


def types(model: str) -> dict[str, str]:
    """Return the types of the fields of a client's model."""
    known = getattr(kubernetes.client, model)
    return {known.attribute_map[name]: text for name, text in known.openapi_types.items()}


def collect(message: Descriptor, model: str, pairs: Pairs) -> None:
    """Add a message with the client's model of it, and all messages in it."""
    if message.full_name in pairs or not hasattr(kubernetes.client, model):
        return
    pairs[message.full_name] = (message, model)
    for name, field in fields(message).items():
        kind = field.message_type
        if kind is not None and kind.GetOptions().map_entry:
            kind = kind.fields_by_name["value"].message_type
        text = types(model).get(name, "")
        if kind is not None:
            item = _ITEM.fullmatch(text)
            collect(kind, item[1] if item else text, pairs)


def every_message() -> Pairs:
    """Return each message of the served kinds with the client's model of it."""
    pairs: Pairs = {}
    for (version, kind), model in KINDS.items():
        if not version.startswith(_CUSTOM):
            collect(envelope.description(version, kind), model, pairs)
    return pairs


def test_every_message_has_the_fields_of_the_clients_model() -> None:
    """The names in JSON are those of the official client, so no embedded struct or renamed field is missed."""
    pairs = every_message()
    assert len(pairs) > 250
    different = {name: set(fields(message)) ^ set(types(model)) for name, (message, model) in pairs.items()}
    typed = {"apiVersion", "kind"}  # The envelope has these of a kind.
    different = {name: odd for name, odd in different.items() if odd and odd != typed}
    assert different == {}


def encoded(version: str, kind: str, fill: Any) -> bytes:
    """Encode an object as a Go client does."""
    message = envelope.message_of(version, kind)()
    fill(message)
    whole: Any = envelope.message("k8s.io.apimachinery.pkg.runtime.Unknown")()
    whole.typeMeta.apiVersion, whole.typeMeta.kind = version, kind
    whole.raw = message.SerializeToString()
    return envelope.MAGIC + bytes(whole.SerializeToString())


def deployment(message: Any) -> None:
    """Fill a Deployment with the values that differ between the encodings."""
    message.metadata.name = "apple"
    message.metadata.creationTimestamp.SetInParent()
    message.spec.replicas = 0
    message.spec.strategy.rollingUpdate.maxSurge.type = 1
    message.spec.strategy.rollingUpdate.maxSurge.strVal = "25%"
    message.spec.strategy.rollingUpdate.maxUnavailable.intVal = 0
    message.spec.selector.matchLabels["app"] = "apple"
    pod = message.spec.template.spec
    pod.terminationGracePeriodSeconds = 0
    container = pod.containers.add(name="apple", image="")
    container.resources.limits["cpu"].string = "100m"
    container.readinessProbe.handler.httpGet.path = "/"
    container.readinessProbe.handler.httpGet.port.intVal = 80
    message.status.SetInParent()


def test_a_deployment_has_the_form_of_json() -> None:
    """Pointers keep their zero, other zeros are absent, embedded structs and special types have their JSON form."""
    found = parse_body(encoded("apps/v1", "Deployment", deployment), "application/vnd.kubernetes.protobuf")

    probe = {"httpGet": {"path": "/", "port": 80}}
    container = {"name": "apple", "resources": {"limits": {"cpu": "100m"}}, "readinessProbe": probe}
    assert found == {
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "metadata": {"name": "apple"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "apple"}},
            "template": {"spec": {"containers": [container], "terminationGracePeriodSeconds": 0}},
            "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
        },
        "status": {},
    }


def test_bytes_times_and_options_are_decoded() -> None:
    """Bytes are base64, times are RFC 3339, and options of requests have the version of any group."""

    def secret(message: Any) -> None:
        message.data["key"] = b"\xff"
        message.metadata.creationTimestamp.seconds = 1

    def event(message: Any) -> None:
        message.eventTime.seconds, message.eventTime.nanos = 1, 2000

    found = envelope.decode(encoded("v1", "Secret", secret))
    assert (found["data"], found["metadata"]["creationTimestamp"]) == ({"key": "/w=="}, "1970-01-01T00:00:01Z")
    assert envelope.decode(encoded("v1", "Event", event))["eventTime"] == "1970-01-01T00:00:01.000002Z"
    options = encoded("policy/v1", "DeleteOptions", lambda message: setattr(message, "gracePeriodSeconds", 0))
    assert envelope.decode(options)["gracePeriodSeconds"] == 0


@pytest.mark.parametrize("body", [b"k8s\0\xff\xff", b"k8s\0", encoded("v1", "Pod", lambda _: None)[:-1]])
def test_a_damaged_body_is_a_bad_request(body: bytes) -> None:
    """A body that cannot be decoded is refused, whatever its content type says."""
    with pytest.raises(StatusError) as caught:
        parse_body(body, "application/json")
    assert caught.value.code == 400


def test_go_sources_tell_pointers_and_embedded_structs() -> None:
    """The facts that a .proto file lacks are read from Go's field tags."""
    source = (
        "type Probe struct {\n"
        '\tHandler `json:"" protobuf:"bytes,1,opt,name=handler"`\n'
        "\t// A comment.\n"
        '\tGrace *int64 `json:"grace,omitempty" protobuf:"varint,2,opt,name=grace"`\n'
        '\tPeriod int32 `json:"period,omitempty" protobuf:"varint,3,opt,name=period"`\n'
        "}\n"
    )
    found = go_structs(source)["Probe"]
    assert {number: (field.json, field.pointer) for number, field in found.items()} == {
        1: ("", False),
        2: ("grace", True),
        3: ("period", False),
    }
