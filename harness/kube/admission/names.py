"""Checks the format of names, labels and ports, with the messages of a real API server."""

from __future__ import annotations

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


#: Kind -> check of ``metadata.name``; a subdomain for any other kind.
_NAME_FORMS: Mapping[str, Callable[[str, Any], Problems]] = {"Service": dns_label, "Namespace": dns_label}


def metadata(kind: str, meta: Mapping[str, Any]) -> Problems:
    """Check the name, labels and annotations of an object."""
    if not meta.get("name"):
        yield FieldProblem.required("metadata.name", "name or generateName is required")
    else:
        yield from _NAME_FORMS.get(kind, dns_subdomain)("metadata.name", meta["name"])
    yield from labels("metadata.labels", meta.get("labels") or {})
    for key, value in (meta.get("annotations") or {}).items():
        yield from label_key("metadata.annotations", key)
        if not isinstance(value, str):
            yield FieldProblem.invalid("metadata.annotations", value, "must be a string")


def label_key(field: str, key: str) -> Problems:
    """Check the key of a label: a name, after an optional domain and a slash."""
    prefix, slash, name = key.rpartition("/")
    if not _QUALIFIED.fullmatch(name) or len(name) > 63:
        yield FieldProblem.invalid(field, key, _KEY_HELP)
    if slash and not _SUBDOMAIN.fullmatch(prefix.lower()):
        yield FieldProblem.invalid(field, key, f"prefix part {_SUBDOMAIN_HELP}")


def labels(field: str, values: Mapping[str, Any]) -> Problems:
    """Check the keys and values of labels."""
    for key, value in values.items():
        yield from label_key(field, key)
        if not isinstance(value, str):
            yield FieldProblem.invalid(field, value, "must be a string")
        elif value and (len(value) > 63 or not _QUALIFIED.fullmatch(value)):
            yield FieldProblem.invalid(field, value, _VALUE_HELP)


def port(field: str, value: Any) -> Problems:
    """Check a port number from 1 to 65535."""
    if not isinstance(value, int) or not 1 <= value <= 65535:
        yield FieldProblem.invalid(field, value, "must be between 1 and 65535, inclusive")


def non_negative(field: str, value: Any) -> Problems:
    """Check an integer that is 0 or more."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        yield FieldProblem.invalid(field, value, "must be greater than or equal to 0")
