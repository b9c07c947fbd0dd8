"""Codes of the problems in a user's input: a closed set, so that no program has to read the sentences."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class ProblemCode(StrEnum):
    """A kind of problem.

    Attributes:
        meaning: The kind in words, for the documentation.
    """

    meaning: str

    def __new__(cls, word: str, meaning: str) -> Self:
        """Make a code whose value is its word."""
        code = str.__new__(cls, word)
        code._value_ = word
        code.meaning = meaning
        return code

    OPTION = "option", "an option or argument of the command is wrong"

    NO_SUCH_FILE = "no-such-file", "a file or folder does not exist"
    UNREADABLE_FILE = "unreadable-file", "a file cannot be read, is empty, or has other content than expected"
    NOT_YAML = "not-yaml", "the text is not YAML, or YAML that JSON cannot express"
    OTHER_VERSION = "other-version", "the file has a version of the format that this harness does not read"

    REQUIRED = "required", "a required field is missing"
    UNKNOWN_FIELD = "unknown-field", "a field does not exist"
    WRONG_TYPE = "wrong-type", "a value has another type than its field"
    WRONG_VALUE = "wrong-value", "a value is outside of what its field accepts"
    UNKNOWN_NAME = (
        "unknown-name",
        "a name refers to nothing, such as an object, a route or a kind of change",
    )
    REPEATED = "repeated", "a key, name or value is given twice"
    UNUSED_SETTING = "unused-setting", "a setting has no effect together with the other settings"
    CONFLICT = "conflict", "two settings contradict each other"

    NOT_RENDERED = "not-rendered", "a folder is a Helm chart or a kustomization, and has to be rendered first"
    NOT_AN_EXPERIMENT = "not-an-experiment", "the file has manifests, and no Experiment"
    UNKNOWN_KIND = "unknown-kind", "an object has a kind or apiVersion that the harness does not know"
    API_REFUSES = "api-refuses", "an API server refuses the finished object"
    HOOK_EXCEEDS_GRACE = "hook-exceeds-grace", "a preStop sleep is longer than the grace period"
    HOOK_HANDLERS = "hook-handlers", "a preStop hook has more than one handler"
    SELECTOR_MISSES_PODS = "selector-misses-pods", "a Deployment does not select its own pods"
    NO_IMAGE = "no-image", "a container has no image"
    SEVERAL_NAMESPACES = "several-namespaces", "the workload is in more than one namespace"
    EMPTY_WORKLOAD = "empty-workload", "the workload has no object that serves traffic"
    PATCH_FAILS = "patch-fails", "a patch cannot be merged into its object"

    IMAGE_UNAVAILABLE = "image-unavailable", "the cluster does not have an image and cannot pull it"
    OBJECT_NOT_ALLOWED = "object-not-allowed", "the harness does not create this object on that kind of cluster"
    CHANGE_NOT_ALLOWED = "change-not-allowed", "the harness does not make this change on that kind of cluster"
    FIELD_NOT_IMPLEMENTED = (
        "field-not-implemented",
        "the cluster does not implement a decisive field",
    )
    KIND_NOT_READ = "kind-not-read", "the ingress controller ignores objects of this kind"

    NO_ENTRY = "no-entry", "nothing says where traffic enters"
    NO_ROUTE = "no-route", "no rule of the workload routes a path"
    WRONG_SERVICE = "wrong-service", "a route or rule leads to another Service than expected"
    RESERVED_HEADER = "reserved-header", "the client sets this header itself"
    RATE_TOO_LOW = "rate-too-low", "each stream gets too few requests to notice a loss"
    CONCURRENCY_TOO_LOW = "concurrency-too-low", "an outage would exceed the number of open attempts"
    POOL_NOT_FULL = "pool-not-full", "the pool of connections is not full when the change begins"
    IDLE_TOO_LONG = "idle-too-long", "no connection has waited unused for long enough when the change begins"
    TOO_MANY_CONNECTIONS = "too-many-connections", "more connections would stay open than a server accepts"

    STAND_IN_ANSWERS = (
        "stand-in-answers",
        "a route expects an answer that the stand-in of its image does not give",
    )
    COMMAND_CANNOT_RUN = "command-cannot-run", "the command of a model cannot run in place of its image"
    SERVICE_WITHOUT_PODS = "service-without-pods", "no pod of the workload stands behind the Service of a route"
    WRONG_PORT = "wrong-port", "a rule or Service names a port that does not exist"
    MISSING_REFERENCE = "missing-reference", "an object names another one that the workload does not have"

    NEEDS_INGRESS = "needs-ingress", "a change needs an ingress controller, and traffic does not pass one"
    CANNOT_SPLIT = "cannot-split", "the ingress controller cannot split the requests as the change asks"
    NO_PODS = "no-pods", "a Deployment has no pod to change"
    NO_EFFECT = "no-effect", "a change would change nothing"
    ANSWER_REQUIRED = "answer-required", "nothing tells the new version's answers from the old version's"
    ANSWER_IMPOSSIBLE = "answer-impossible", "no pod of the new version gives the expected answer"
    NEW_VERSION_RETIRED = "new-version-retired", "the change would scale down the version that it switches to"

    UNUSED_ENTRY = "unused-entry", "an entry of exclude or expect applies to no cell"
    NEVER_KNOWN = "never-known", "an expectation limits a number that no record of the run can show"
    NO_CELLS = "no-cells", "no cell is left to run"
    NO_CONTROL = "no-control", "a configuration has changes and no control"
