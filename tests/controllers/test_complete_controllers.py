"""Every ingress controller has every part, and its parts agree with each other and with its manifests."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from harness.analysis.thresholds import SECOND_SYNC_S, SETTLED_S
from harness.changes.kinds.ab_test import QUIET_SECONDS
from harness.clusters.kind.settings import KindSettings, ingress_manifests, node_ports, pinned_images
from harness.controllers.base import IngressController, KindManifests
from harness.controllers.registry import INGRESS_CONTROLLERS
from harness.controllers.sharing import Create, RequestShare, SplitRule
from harness.experiment.schema import Head
from harness.kube.custom import GROUPS
from harness.kube.kinds import KNOWN_KINDS
from harness.localkube.ingress.controller import run
from harness.localkube.kubelet.images import find_image
from harness.localkube.system.programs import INGRESS_PROGRAMS, IngressProgram
from harness.model.controllers import CONTROLLERS, NO_CONTROLLER, SIGNALS, Aspect, ControllerFacts, Explanations, Signal
from harness.report.chart.timeline import _MARKS
from harness.runner.doctor import CHECKS

ROOT = Path(__file__).parents[2]
ALL = INGRESS_CONTROLLERS
EACH = pytest.mark.parametrize("controller", [pytest.param(known, id=word) for word, known in ALL.items()])
EACH_ON_KIND = pytest.mark.parametrize(
    "controller", [pytest.param(known, id=word) for word, known in ALL.items() if known.kind]
)
EACH_THAT_SPLITS = pytest.mark.parametrize(
    "controller", [pytest.param(known, id=word) for word, known in ALL.items() if known.sharing]
)
EACH_PROGRAM = pytest.mark.parametrize("word", INGRESS_PROGRAMS)
#: Controllers whose programs ``harness doctor`` looks for.
CHECKED = [check.args[0] for check in CHECKS if isinstance(check, partial)]
#: Clauses that a controller may lack.
OPTIONAL = {"retry_setting"}
RULE = SplitRule(
    ingress="fruit",
    host="fruit.test",
    path={"path": "/a", "pathType": "Prefix", "backend": {"service": {"name": "a", "port": {"number": 80}}}},
    service="a",
    candidate="b",
    ingress_class="own",
)
SHARES = (
    RequestShare(weight=10),
    RequestShare(weight=10, sticky="stay"),
    RequestShare("header", "X-Version", "b"),
    RequestShare("cookie", "version", "always"),
)


def rights_used(controller: IngressController) -> Iterator[tuple[str, str, str]]:
    """Yield (group, resource, verb) of every write of a split, and of its undo."""
    if controller.sharing is None:
        return
    acts = [act for share in SHARES for act in controller.sharing.begin(RULE, share)]
    acts.append(controller.sharing.alter(RULE, SHARES[0]))
    for act in acts:
        kind = KNOWN_KINDS[act.manifest["kind"] if isinstance(act, Create) else act.kind]
        group = kind.group_version.rpartition("/")[0]
        for verb in ("create", "get", "delete") if isinstance(act, Create) else ("patch",):
            yield group, kind.plural, verb


def manifests_of(word: str) -> tuple[Mapping[str, Any], ...]:
    """Return the objects of a kind cluster with this controller."""
    return ingress_manifests(KindSettings(name="x", ingress=word, images=pinned_images()))


def lacking(controller: IngressController) -> list[str]:
    """Return the missing or inconsistent parts of a controller."""
    facts, kind = controller.facts, controller.kind
    if facts.address is None or facts.explanations is None:
        return ["address or explanations"]
    empty = [each.name for each in fields(Explanations) if not getattr(facts.explanations, each.name)]
    shown = frozenset(aspect for signal in facts.signals for aspect in signal.shows)
    allowed = {(right.group, right.resource, verb) for right in facts.share_rights for verb in right.verbs}
    right = {
        "title": bool(facts.title),
        "family": facts.family in CONTROLLERS,
        "variant": facts.variant in {"", *CONTROLLERS},
        "class": bool(facts.ingress_class),
        "signals": shown == frozenset(Aspect),
        "glyphs of signals": {("ingress", word) for word in facts.tells} <= set(_MARKS),
        "pace": facts.sync_s > 0,
        "preStop": facts.prestop_s > facts.sync_s + facts.apply_s,
        "annotations": bool(facts.reads),
        "rights": set(rights_used(controller)) <= allowed and bool(allowed) is (controller.sharing is not None),
        "events of the log": controller.log.signals(()) <= facts.tells,
        "image": kind is None or bool(pinned_images().get(kind.image)),
        "node port": kind is None or kind.node_port in node_ports(),
        "folders": kind is None or bool(kind.folders),
        "a cluster": kind is not None or facts.word in INGRESS_PROGRAMS,
        "own kinds": controller.own_api in {"", *(group.group_version for group in GROUPS)},
        **{f"explanation {name}": False for name in empty if name not in OPTIONAL},
    }
    return [name for name, is_right in right.items() if not is_right]


@EACH
def test_each_controller_has_every_part(controller: IngressController) -> None:
    """A forgotten part is named here."""
    assert lacking(controller) == []


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        ({"title": ""}, "title"),
        ({"family": "nobody"}, "family"),
        ({"variant": "nobody"}, "variant"),
        ({"address": None}, "address or explanations"),
        ({"ingress_class": ""}, "class"),
        ({"signals": ()}, "signals"),
        ({"signals": (Signal("applied", frozenset(Aspect), "apply"),)}, "glyphs of signals"),
        ({"sync_s": 0.0}, "pace"),
        ({"prestop_s": 0}, "preStop"),
        ({"reads": {}}, "annotations"),
        ({"share_rights": ()}, "rights"),
    ],
)
@EACH_THAT_SPLITS
def test_a_forgotten_fact_is_noticed(controller: IngressController, broken: dict[str, Any], named: str) -> None:
    """Each fact is removed once."""
    facts: ControllerFacts = replace(controller.facts, **broken)

    assert named in lacking(replace(controller, facts=facts))


@EACH_ON_KIND
def test_a_forgotten_part_is_noticed(controller: IngressController) -> None:
    """Each part and each clause is removed once."""
    known = controller.facts.explanations
    assert known is not None
    facts = replace(controller.facts, explanations=replace(known, pace=""))
    kind = KindManifests(image="none", folders=(), node_port=1)
    log = replace(controller.log, signals=lambda _pods: frozenset({"applied"}))
    broken = replace(controller, facts=facts, kind=kind, log=log, own_api="x/v1")

    assert {"explanation pace", "events of the log", "image", "folders", "node port", "own kinds"} <= {*lacking(broken)}


def test_tables_name_the_same_controllers() -> None:
    """Facts, parts and names in Experiments agree. Local clusters run some of them."""
    assert [*INGRESS_CONTROLLERS, NO_CONTROLLER.word] == [*CONTROLLERS]
    assert all(word == facts.word for word, facts in CONTROLLERS.items())
    assert all(controller.facts is CONTROLLERS[word] for word, controller in INGRESS_CONTROLLERS.items())
    assert Head.model_json_schema()["properties"]["ingress"]["enum"] == [*CONTROLLERS]
    assert INGRESS_PROGRAMS.keys() <= INGRESS_CONTROLLERS.keys()


def test_signals_of_one_name_are_one_signal() -> None:
    """The name of an event defines its meaning for every controller."""
    assert {signal for facts in CONTROLLERS.values() for signal in facts.signals} == set(SIGNALS.values())


def test_waiting_times_of_judging_cover_each_controller() -> None:
    """They are constants, so that stored evidence keeps its verdict. A slower controller needs longer ones."""
    for facts in CONTROLLERS.values():
        assert facts.sync_s < SECOND_SYNC_S.value
        assert facts.apply_s < SETTLED_S.value
        assert facts.apply_s < QUIET_SECONDS


@EACH_ON_KIND
def test_kind_manifests_have_the_names_of_the_facts(controller: IngressController) -> None:
    """Namespace, Deployment, Service, labels and class agree, because the controller is found by them."""
    facts = controller.facts
    address = facts.address
    assert address is not None
    found = {(m["kind"], m["metadata"]["name"]): m for m in manifests_of(facts.word)}
    deployment = found["Deployment", address.deployment]
    service = found["Service", address.service]

    assert {deployment["metadata"]["namespace"], service["metadata"]["namespace"]} == {address.namespace}
    assert address.labels.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
    assert ("IngressClass", facts.ingress_class) in found
    assert controller.kind is not None
    assert service["spec"]["ports"][0]["nodePort"] == controller.kind.node_port


@EACH_PROGRAM
def test_local_objects_have_the_names_of_the_facts(word: str) -> None:
    """The local cluster creates the objects by which the harness finds the controller."""
    program, facts = INGRESS_PROGRAMS[word], CONTROLLERS[word]

    assert (program.address, program.ingress_class) == (facts.address, facts.ingress_class)
    assert {program.annotations} == facts.reads.keys()


@EACH_PROGRAM
def test_local_program_can_be_found_and_run(word: str) -> None:
    """The kubelet knows the image, the modules exist, and the doctor looks for the program."""
    program: IngressProgram = INGRESS_PROGRAMS[word]
    image = find_image(program.image, system=True)

    assert image is not None
    assert image.app == program.app
    assert inspect.signature(program.run_controller).parameters.keys() == inspect.signature(run).parameters.keys()
    assert callable(program.finder)
    assert any(program.package == INGRESS_PROGRAMS[each].package for each in CHECKED)


@EACH
def test_each_controller_is_documented(controller: IngressController) -> None:
    """Users read its word where they choose one."""
    text = (ROOT / "docs" / "reference" / "experiments.md").read_text(encoding="utf-8")

    assert f"\n| `{controller.facts.word}` | " in text, "add a row to the table of `ingress`"
