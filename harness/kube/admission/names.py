"""Checks the format of names, labels and ports, with the messages of a real API server."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from harness.kube.admission.problems import FieldProblem

Problems = Iterator[FieldProblem]

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")

_LABEL_HELP = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_SUBDOMAIN_HELP = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_VALUE_HELP = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_KEY_HELP = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)


def dns_label(field: str, value: Any) -> Problems:
    """Check a DNS label of at most 63 characters: the name of a Service, namespace or container."""
    text = str(value)
    if "." in text:
        yield FieldProblem.invalid(field, text, "must not contain dots")
        return
    if len(text) > 63:
        yield FieldProblem.invalid(field, text, "must be no more than 63 characters")
    if not _LABEL.fullmatch(text):
        yield FieldProblem.invalid(field, text, _LABEL_HELP)


def dns_subdomain(field: str, value: Any) -> Problems:
    """Check a DNS subdomain of at most 253 characters: the name of most objects."""
    text = str(value)
    if len(text) > 253:
        yield FieldProblem.invalid(field, text, "must be no more than 253 characters")
    if not _SUBDOMAIN.fullmatch(text):
        yield FieldProblem.invalid(field, text, _SUBDOMAIN_HELP)


_WILDCARD_HELP = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
    "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', "
    r"regex used for validation is '\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


def host(field: str, value: str) -> Problems:
    """Check the name of a host, whose first label may be ``*``."""
    if "*" not in value:
        yield from dns_subdomain(field, value)
    elif not value.startswith("*.") or not _SUBDOMAIN.fullmatch(value[2:]):
        yield FieldProblem.invalid(field, value, _WILDCARD_HELP)


def path_segment(field: str, value: Any) -> Problems:
    """Check a name that can be a part of a URL's path: that of a Role or a binding, such as ``system:reader``."""
    text = str(value)
    if text in {".", ".."}:
        yield FieldProblem.invalid(field, text, f"may not be '{text}'")
    for mark in ("/", "%"):
        if mark in text:
            yield FieldProblem.invalid(field, text, f"may not contain '{mark}'")


#: Kinds of access control. Their names need not be DNS names.
_ACCESS_KINDS = frozenset({"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"})

#: Finalizers that need no domain.
_STANDARD_FINALIZERS = frozenset({"foregroundDeletion", "kubernetes", "orphan"})


def metadata(kind: str, meta: Mapping[str, Any]) -> Problems:
    """Check an object's name, labels, annotations, finalizers and owners."""
    if not meta.get("name"):
        yield FieldProblem.required("metadata.name", "name or generateName is required")
    else:
        yield from _name_form(kind)("metadata.name", meta["name"])
    yield from labels("metadata.labels", meta.get("labels") or {})
    for key, value in (meta.get("annotations") or {}).items():
        yield from annotation_key("metadata.annotations", key)
        if not isinstance(value, str):
            yield FieldProblem.invalid("metadata.annotations", value, "must be a string")
    for name in meta.get("finalizers") or []:
        yield from label_key("metadata.finalizers", name)
        if "/" not in name and name not in _STANDARD_FINALIZERS:
            detail = "name is neither a standard finalizer name nor is it fully qualified"
            yield FieldProblem.invalid("metadata.finalizers[0]", name, detail)
    for owner in meta.get("ownerReferences") or []:
        for name in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(name):
                yield FieldProblem.invalid(f"metadata.ownerReferences.{name}", "", "must not be empty")


def _name_form(kind: str) -> Callable[[str, Any], Problems]:
    """Return the check of ``metadata.name`` for a kind."""
    if kind in _ACCESS_KINDS:
        return path_segment
    return {"Service": dns_1035_label, "Namespace": dns_label}.get(kind, dns_subdomain)


def label_key(field: str, key: str) -> Problems:
    """Check the key of a label, or another qualified name: a name, after an optional domain and a slash."""
    if key.count("/") > 1:
        shape = _KEY_HELP.removeprefix("name part ")
        detail = f"a qualified name {shape} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        yield FieldProblem.invalid(field, key, detail)
        return
    prefix, slash, name = key.rpartition("/")
    if slash and not prefix:
        yield FieldProblem.invalid(field, key, "prefix part must be non-empty")
    if not name:
        yield FieldProblem.invalid(field, key, "name part must be non-empty")
    elif len(name) > 63:
        yield FieldProblem.invalid(field, key, "name part must be no more than 63 characters")
    if not _QUALIFIED.fullmatch(name):
        yield FieldProblem.invalid(field, key, _KEY_HELP)
    if prefix and not _SUBDOMAIN.fullmatch(prefix):
        yield FieldProblem.invalid(field, key, f"prefix part {_SUBDOMAIN_HELP}")


def annotation_key(field: str, key: str) -> Problems:
    """Check the key of an annotation by the rules for keys of labels, after conversion to lower case."""
    yield from label_key(field, key.lower())


def labels(field: str, values: Mapping[str, Any]) -> Problems:
    """Check the keys and values of labels."""
    for key, value in values.items():
        yield from label_key(field, key)
        if not isinstance(value, str):
            yield FieldProblem.invalid(field, value, "must be a string")
        else:
            yield from label_value(field, value)


def label_value(field: str, value: str) -> Problems:
    """Check the value of a label."""
    if len(value) > 63:
        yield FieldProblem.invalid(field, value, "must be no more than 63 characters")
    if value and not _QUALIFIED.fullmatch(value):
        yield FieldProblem.invalid(field, value, _VALUE_HELP)


def port(field: str, value: Any) -> Problems:
    """Check a port number from 1 to 65535."""
    if not isinstance(value, int) or not 1 <= value <= 65535:
        yield FieldProblem.invalid(field, value, "must be between 1 and 65535, inclusive")


def non_negative(field: str, value: Any) -> Problems:
    """Check an integer that is 0 or more."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        yield FieldProblem.invalid(field, value, "must be greater than or equal to 0")


_DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_DNS_1035_HELP = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
_CONFIG_KEY_HELP = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)


def dns_1035_label(field: str, value: Any) -> Problems:
    """Require the name of a Service: a label that begins with a letter."""
    text = str(value)
    if len(text) > 63:
        yield FieldProblem.invalid(field, text, "must be no more than 63 characters")
    if not _DNS_1035.fullmatch(text):
        yield FieldProblem.invalid(field, text, _DNS_1035_HELP)


def port_name(field: str, value: str) -> Problems:
    """Require the name of a port: at most 15 small letters, digits and single hyphens, with a letter among them."""
    for wrong, detail in (
        (len(value) > 15, "must be no more than 15 characters"),
        (
            not re.fullmatch(r"[-a-z0-9]+", value),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (not re.search(r"[a-z]", value), "must contain at least one letter (a-z)"),
        ("--" in value, "must not contain consecutive hyphens"),
        (value.startswith("-") or value.endswith("-"), "must not begin or end with a hyphen"),
    ):
        if wrong:
            yield FieldProblem.invalid(field, value, detail)


def port_or_name(field: str, value: Any) -> Problems:
    """Require the number or the name of a port."""
    if isinstance(value, str):
        yield from port_name(field, value)
    else:
        yield from port(field, value)


def identity(field: str, number: int | None) -> Problems:
    """Check the number of a user or group; a missing number is no problem."""
    if number is not None and not 0 <= number <= 2147483647:
        yield FieldProblem.invalid(field, number, "must be between 0 and 2147483647, inclusive")


def config_key(field: str, key: str) -> Problems:
    """Require the key of a ConfigMap or Secret."""
    if len(key) > 253:
        yield FieldProblem.invalid(field, key, "must be no more than 253 characters")
    if key in {".", ".."}:
        yield FieldProblem.invalid(field, key, f"must not be '{key}'")
    elif key.startswith(".."):
        yield FieldProblem.invalid(field, key, "must not start with '..'")
    if not re.fullmatch(r"[-._a-zA-Z0-9]+", key):
        yield FieldProblem.invalid(field, key, _CONFIG_KEY_HELP)


def one_of(field: str, value: Any, allowed: tuple[str, ...]) -> Problems:
    """Require a value of an enumeration; a missing value is no problem."""
    if value is not None and value not in allowed:
        yield FieldProblem.unsupported(field, value, allowed)


def ip_address(field: str, value: str) -> Problems:
    """Require an IP address."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        yield FieldProblem.invalid(field, value, detail)


def no_loopback(field: str, value: str) -> Problems:
    """Require an IP address outside of the loopback range."""
    problems = list(ip_address(field, value))
    yield from problems
    if not problems and ipaddress.ip_address(value).is_loopback:
        yield FieldProblem.invalid(field, value, "may not be in the loopback range (127.0.0.0/8, ::1/128)")
