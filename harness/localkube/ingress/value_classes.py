"""Classify values of annotations and of the controller's ConfigMap by tables of what ingress-nginx does with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.kube.fieldclasses import Decisive, FieldClass, Site
from harness.localkube.ingress.value_rules import ParseResult, ValueRule


@dataclass(frozen=True, slots=True)
class ValueClasses:
    """The classes of all names of annotations, or of all keys; each name is in one of the tables.

    Attributes:
        rules: Name -> the rule of an implemented value.
        inert: Name -> reason why it has no effect on requests.
        decisive: Name -> its rule.
        result: Returns how a value is parsed.
    """

    rules: Mapping[str, ValueRule]
    inert: Mapping[str, str]
    decisive: Mapping[str, Decisive]
    result: Callable[[ValueRule, str], ParseResult]

    def class_of(self, name: str, site: Site) -> tuple[FieldClass, str]:
        """Return the class of a name with its value, and the reason."""
        if name in self.inert:
            return FieldClass.INERT, self.inert[name]
        if name in self.decisive:
            rule = self.decisive[name]
            harmless = rule.harmless(site)
            text = "this value has no effect on requests" if harmless else rule.effect
            return (FieldClass.INERT if harmless else FieldClass.DECISIVE), text
        value = str(site.value)
        match self.result(self.rules[name], value):
            case ParseResult.PARSED:
                return FieldClass.IMPLEMENTED, ""
            case ParseResult.IGNORED:
                return FieldClass.INERT, f"ingress-nginx ignores the value {value!r}"
            case ParseResult.UNREADABLE:
                return FieldClass.DECISIVE, f"may accept the value {value!r}, which cannot be parsed here"
