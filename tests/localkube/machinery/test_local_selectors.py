"""Selectors match as on a real server; a wrong match would route requests to wrong pods."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.kube.selectors import SelectorError, matches_selector, selected_by
from harness.localkube.machinery.selectors import parse_fields, parse_labels

LABELS = {"app": "apple", "version": "v1"}
OBJ = {
    "metadata": {"name": "a", "namespace": "n", "labels": LABELS},
    "spec": {"nodeName": "n1", "unschedulable": True},
    "status": {"phase": "Running"},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("app=apple", True),
        ("app==apple,version=v1", True),
        ("app=banana", False),
        ("app!=banana", True),
        ("missing!=x", True),
        ("app in (banana, apple)", True),
        ("app notin (apple)", False),
        ("missing notin (apple)", True),
        ("app", True),
        ("!app", False),
        ("!missing,version in (v1,v2)", True),
    ],
)
def test_label_selector_text(text: str, expected: bool) -> None:
    """A label selector in a URL matches like kubectl's -l."""
    assert parse_labels(text)(OBJ) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metadata.name=a", True),
        ("metadata.name!=a", False),
        ("status.phase=Running,spec.nodeName=n1", True),
        ("spec.nodeName=", False),
        ("involvedObject.name=", True),
        ("spec.unschedulable=true", True),
    ],
)
def test_field_selector_text(text: str, expected: bool) -> None:
    """A field selector compares fields by path; an absent field is empty."""
    assert parse_fields(text)(OBJ) is expected


@pytest.mark.parametrize("text", ["app in (a", "a b", "=x"])
def test_an_invalid_label_selector_is_an_error(text: str) -> None:
    """An invalid selector does not select everything."""
    with pytest.raises(SelectorError):
        parse_labels(text)


def test_an_invalid_field_selector_is_an_error() -> None:
    """A field selector without a comparison is an error."""
    with pytest.raises(SelectorError):
        parse_fields("metadata.name")


def test_empty_selectors_differ() -> None:
    """An empty Service selector selects nothing, an empty LabelSelector everything."""
    assert not selected_by({}, LABELS)
    assert not selected_by(None, LABELS)
    assert matches_selector({}, LABELS)


_WORDS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"))


@given(_WORDS, _WORDS)
def test_forms_of_a_selector_agree(wanted: dict[str, str], labels: dict[str, str]) -> None:
    """A selector as text, matchLabels, matchExpressions or a Service's map gives the same result."""
    obj = {"metadata": {"labels": labels}}
    expressions = [{"key": k, "operator": "In", "values": [v]} for k, v in wanted.items()]
    expected = wanted.items() <= labels.items()

    assert parse_labels(",".join(f"{k}={v}" for k, v in wanted.items()))(obj) is expected
    assert matches_selector({"matchLabels": wanted}, labels) is expected
    assert matches_selector({"matchExpressions": expressions}, labels) is expected
    assert selected_by(wanted, labels) is (expected and bool(wanted))


@given(_WORDS, st.sampled_from("abc"), st.sets(st.sampled_from("xyz"), min_size=1))
def test_opposite_operators_select_opposite_objects(labels: dict[str, str], key: str, values: set[str]) -> None:
    """NotIn selects exactly the objects that In does not, and DoesNotExist those that Exists does not."""

    def matches(operator: str) -> bool:
        return matches_selector({"matchExpressions": [{"key": key, "operator": operator, "values": [*values]}]}, labels)

    assert matches("In") is not matches("NotIn")
    assert matches("Exists") is not matches("DoesNotExist")
