"""The table of the recorded answers, for the documentation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from ingress_answers import verdicts
from ingress_answers.asking import AGAIN, SETTINGS, Answers, Case, cases, options_of, repeated

ROOT = Path(__file__).parents[3]
RECORDED = ROOT / "tests" / "localkube" / "ingress" / "recorded_answers.json"
PAGE = ROOT / "docs" / "reference" / "ingress-answers.md"

_HEAD = """\
# Answers of ingress-nginx by annotation

This page is generated from recorded answers; a test fails if it is out of date.
`PYTHONPATH=tests/support python -m ingress_answers record` asks the real ingress-nginx v1.11 again, in a container.
`PYTHONPATH=tests/support python -m ingress_answers page` writes this page.

Each Ingress has a host of its own.
A test sends the same requests to the embedded ingress-nginx and requires the same status, headers and body.
Pods answer 200, or the status that a path such as `/status/404` asks for.
The headers are `Location`, `Strict-Transport-Security`, `WWW-Authenticate` and `Set-Cookie`.
The body of a pod has the name of its Service and what it was sent.

## Without a ConfigMap

"""
_TABLE = """\
| Ingress | annotations | request | status | headers |
|---|---|---|---|---|
"""
_AGAIN = """
## With a ConfigMap

The same Ingresses and requests, after the controller's ConfigMap was changed to:

```yaml
{keys}```

"""

_VERDICTS = """
## Verdicts

An application of two pods stands behind an Ingress for each row, and is restarted in three ways.
`PYTHONPATH=tests/support python -m ingress_answers verdicts kind` does so on a kind cluster, `verdicts local` here.
A row is lossless if each request to its host got a right answer.
That is 200 with the application's text, or the redirect or refusal that the annotation asks for.
A cell names both clusters where they differ, with the number of lost requests.
A test requires the same verdict, except for losses of up to three requests in the last column, which are chance.
A verdict is inconclusive if the sending machine stood still and sent one of its requests too late.
The annotations about TLS to the pods (`backend-protocol`) have no row, nor has `service-upstream`, which is refused.

- **preStop**: each pod has a preStop sleep of 10 s.
- **Recreate**: all old pods end before the first new one starts.
- **neither**: a rolling update of pods that end at once.
  The controller tries another pod unless an annotation forbids that.

| Ingress | annotations | preStop | Recreate | neither |
|---|---|---|---|---|
"""


def recorded() -> Answers:
    """Return the recorded answers."""
    found: Answers = json.loads(RECORDED.read_text(encoding="utf-8"))
    return found


def page(answers: Answers, found: verdicts.Verdicts) -> str:
    """Return the whole page as Markdown."""
    first = "".join(f"{row}\n" for case in cases() for row in _rows(case, answers[case["name"]]))
    again = "".join(f"{row}\n" for case in repeated() for row in _rows(case, answers[case["name"] + AGAIN]))
    keys = "".join(f"{key}: {json.dumps(value)}\n" for key, value in SETTINGS.items())
    return f"{_HEAD}{_TABLE}{first}{_AGAIN.format(keys=keys)}{_TABLE}{again}{_VERDICTS}{''.join(_verdicts(found))}"


def _verdicts(found: verdicts.Verdicts) -> Iterator[str]:
    for name, case in verdicts.CASES.items():
        given = {**(case.get("annotations") or {}), **(case.get("canary") or {})}
        words = "<br>".join(f"`{key}: {value}`" for key, value in given.items())
        cells = [_both({cluster: found[cluster][name][way] for cluster in found}) for way in verdicts.CONFIGURATIONS]
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in (name, words, *cells)) + " |\n"


def _both(by_cluster: Mapping[str, str]) -> str:
    """Return the verdict of all clusters, or each one's if they differ."""
    different = set(by_cluster.values())
    return different.pop() if len(different) == 1 else ", ".join(f"{c}: {v}" for c, v in by_cluster.items())


def _rows(case: Case, found: list[dict[str, object]]) -> Iterator[str]:
    annotations = case.get("annotations") or case.get("canary") or {}
    first = "<br>".join(f"`{name}: {value}`" for name, value in annotations.items())
    first += " `tls`" if case.get("tls") else ""
    for options, answer in zip(options_of(case), found, strict=True):
        headers = answer.get("headers")
        given = [f"`{name}: {value}`" for name, value in headers.items()] if isinstance(headers, dict) else []
        extra = [f"`{name}: {value}`" for name, value in (options.get("headers") or {}).items()]
        extra += ["over HTTPS"] if options.get("tls") else []
        extra += [f"to `{options['host']}`"] if options.get("host") else []
        ask = f"`{options['ask']}`" + (f" {', '.join(extra)}" if extra else "")
        cells = (case["name"], first, ask, str(answer["status"]), "<br>".join(given))
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
