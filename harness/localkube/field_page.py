"""Generate ``docs/reference/fields.md``: ``python -m harness.localkube.field_page > FILE``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

from harness.kube.custom.traefik import GROUP_VERSION
from harness.kube.custom.traefik import TRAEFIK as GROUP
from harness.kube.fieldclasses import ANNOTATIONS, ENTRIES, LABELS, Decisive
from harness.kube.schema import KINDS
from harness.localkube.fields import TABLES
from harness.localkube.ingress import annotation_classes as nginx
from harness.localkube.ingress import config_map, config_map_tables
from harness.localkube.ingress.annotation_names import PREFIX
from harness.localkube.ingress.annotations import RULES
from harness.localkube.kubelet import injection
from harness.localkube.system.programs import INGRESS_NGINX
from harness.localkube.traefik import annotation_classes as traefik

_HEAD = """\
# Fields and annotations on the embedded cluster

This page is generated from the tables next to the code; a test fails if it is out of date.
`python -m harness.localkube.field_page > docs/reference/fields.md` regenerates it.

Every field of every kind, and every annotation that an ingress controller reads, has exactly one class:

- **implemented**: the embedded cluster implements it.
- **inert**: it has no effect on requests here; it is stored, and listed once in the report.
- **decisive**: it is not implemented here, and a real cluster would answer, route, start or stop differently.
- **unknown**: no table contains it; a real API server or controller ignores or rejects it.

Some values of a decisive field are accepted, because they have no effect or are implemented.

`harness validate` and `harness run` reject fields of the last two classes, with file and line, before anything starts.
To continue, remove the field, use `--cluster kind`, or pass `--assume-inert FIELD`.
With `--assume-inert` the run continues as if the field had no effect, and no verdict is better than inconclusive.
A cell that loses requests stays lossy.
FIELD is the path without list indices (`spec.template.spec.volumes`), or the full name of the annotation.
Objects that you apply to `harness cluster up` are stored.
kubectl prints a warning, and an Event `FieldNotImplemented` names each such field.

On `--cluster kind` and `--cluster context` no field is rejected: the real cluster implements all of them.
With `ingress: traefik` the real Traefik reads Ingresses; ingress-nginx's annotations are inert.
With `ingress: traefik-nginx` the real Traefik also reads ingress-nginx's annotations.
With `ingress: none` the annotations of Ingresses are inert.
"""

_KEYED = {
    ANNOTATIONS: "each annotation has its own class.",
    LABELS: "those that ask for another container have the class of the annotations that do.",
    ENTRIES: "those of the ingress controller's ConfigMap have their own classes; no component reads others.",
}
_ROW = "| {} | {} | {} | {} |"
_TRAEFIK_ROW = "| {} | {} | {} |"


def page() -> str:
    """Return the whole page as Markdown."""
    return "\n".join([_HEAD, *_nginx(), "", *_config_map(), "", *_traefik(), "", *_asking(), "", *_models(), ""])


def _nginx() -> Iterator[str]:
    yield f"## Annotations of ingress-nginx (`{PREFIX}…`)\n"
    yield from _header("annotation")
    yield from sorted(
        [
            *_rows(dict.fromkeys(RULES, ""), nginx.INERT, nginx.DECISIVE),
            *(_ROW.format(f"`{name}`", "alias of", f"`{other}`", "") for name, other in nginx.ALIASES.items()),
        ]
    )
    yield "\nAn empty value, and a value that ingress-nginx ignores (`proxy-read-timeout: 60s`), is inert."
    yield "A value that ingress-nginx may accept and that the embedded cluster cannot parse is decisive."


def _config_map() -> Iterator[str]:
    yield f"## Keys of ingress-nginx's ConfigMap (`{INGRESS_NGINX.address.settings}`)\n"
    yield "The controller reads its ConfigMap as on a real cluster; an annotation overrides the key of the same name."
    yield "A ConfigMap of this name in a workload configures the controller of each trial on the embedded cluster."
    yield "No run writes the settings of a shared controller: kind refuses the ConfigMap, context leaves it out."
    yield f"On a cluster of `harness cluster up`, apply it in the namespace `{INGRESS_NGINX.address.namespace}`."
    yield "As in ingress-nginx, every change of a key that it reads reloads nginx, and its deletion changes nothing.\n"
    yield from _header("key")
    keys = dict.fromkeys(config_map.RULES, "")
    yield from sorted(_rows(keys, config_map_tables.INERT, config_map_tables.DECISIVE))


def _traefik() -> Iterator[str]:
    yield f"## Annotations of Traefik (`{traefik.PREFIX}…`)\n"
    yield "They take effect with `ingress: traefik`; otherwise they are inert.\n`N` stands for a number.\n"
    yield "| kind | annotation | class |\n|---|---|---|"
    for kind, names in traefik.IMPLEMENTED.items():
        for name in names:
            yield _TRAEFIK_ROW.format(kind, f"`{name}`", "implemented, by the real Traefik")
        for name, effect in traefik.DECISIVE.get(kind, {}).items():
            yield _TRAEFIK_ROW.format(kind, f"`{name}`", f"decisive: a real cluster {effect}. Inert: `false`.")


def _asking() -> Iterator[str]:
    yield "## Annotations and labels of pods that ask for another container\n"
    yield f"They are decisive: a real cluster {injection.EFFECT}."
    yield f"Inert: {', '.join(f'`{value}`' for value in sorted(injection.OFF) if value)}, in any case of letters.\n"
    yield from (f"- `{name}`" for name in injection.ASKING)


def _models() -> Iterator[str]:
    kinds = {model: f"{kind} ({version})" for (version, kind), model in KINDS.items() if version != GROUP_VERSION}
    yield "## Fields\n"
    yield "A field whose whole model is inert or decisive has no table of its own."
    others = {model for model in TABLES if not model.startswith(GROUP.prefix)} - set(KINDS.values())
    for model in (*kinds, *sorted(others)):
        yield f"\n### {kinds.get(model, model.removeprefix('V1'))}\n"
        yield from _header("field")
        table = TABLES[model]
        implemented = {name: _meaning(child) for name, child in table.implemented.items()}
        yield from sorted(_rows(implemented, table.inert, table.decisive))
    yield f"\n### Kinds of Traefik (`{GROUP_VERSION}`)\n"
    yield "The real Traefik implements them, except for these fields:\n"
    yield from _header("field")
    yield from sorted(
        {
            row
            for model, table in TABLES.items()
            if model.startswith(GROUP.prefix)
            for row in _rows({}, {}, table.decisive)
        }
    )


def _meaning(child: str) -> str:
    """Return the meaning of an implemented field whose value has a model of its own; empty for a plain value."""
    return _KEYED.get(child, "") or (f"see {child.removeprefix('V1')}." if child else "")


def _rows(implemented: Mapping[str, str], inert: Mapping[str, str], decisive: Mapping[str, Decisive]) -> Iterator[str]:
    """Yield a row for each name; ``implemented`` has the meanings of the names that are implemented."""
    for name, meaning in implemented.items():
        yield _ROW.format(f"`{name}`", "implemented", meaning, "")
    for name, why in inert.items():
        yield _ROW.format(f"`{name}`", "inert", f"{why}.", "")
    for name, rule in decisive.items():
        yield _ROW.format(f"`{name}`", *_decisive(rule))


def _header(first: str) -> Iterator[str]:
    yield f"| {first} | class | meaning | accepted values |\n|---|---|---|---|"


def _decisive(rule: Decisive) -> tuple[str, str, str]:
    """Return class, meaning and accepted values of a decisive field."""
    by = f"all, with {' and '.join(rule.carried_out_by)}" if rule.carried_out_by else ""
    accepted = "; ".join(part for part in (rule.values, by) if part)
    return "decisive", f"A real cluster {rule.effect}.".replace("|", "\\|"), accepted.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page())
