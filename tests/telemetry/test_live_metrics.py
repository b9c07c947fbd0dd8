"""Live metrics agree with the ledger, in a format that any scraper reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from harness.cli.metrics_option import live_metrics, metrics_address
from harness.errors import HarnessError, InvalidInputError
from harness.model.attempt import Outcome
from harness.model.timeline import Phase
from harness.runner.progress import SilentProgress
from harness.telemetry.dashboard import DASHBOARD
from harness.telemetry.metrics import METRICS, LiveMetrics, TrialState
from harness.telemetry.progress import MeteredRun
from harness.telemetry.serving import serving
from harness.traffic.live import LATENCY_BOUNDS, LiveCounts

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def counts() -> LiveCounts:
    """Return 100 attempts: 90 answered, 6 lost, 1 open, 2 missed, 1 fault of the client."""
    by_outcome = [0] * len(Outcome)
    for outcome, number in (
        (Outcome.OK, 90),
        (Outcome.STATUS, 4),
        (Outcome.REFUSED, 2),
        (Outcome.UNFINISHED, 1),
        (Outcome.MISSED, 2),
        (Outcome.CLIENT_FAULT, 1),
    ):
        by_outcome[outcome] = number
    latencies = (0, 80, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 1)
    assert len(latencies) == len(LATENCY_BOUNDS) + 1
    return LiveCounts(97, 90, 6, None, tuple(by_outcome), latencies, 7.5)


def scraped(port: int, accept: str = OPENMETRICS) -> tuple[str, str]:
    """Return content type and text of the metrics."""
    with urlopen(Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept": accept}), timeout=30) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def samples_of(text: str) -> Samples:
    """Return every sample of OpenMetrics text; the parser refuses what the standard does."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def served() -> Iterator[tuple[LiveMetrics, int]]:
    """Serve metrics at a free port."""
    with serving("127.0.0.1", 0) as found:
        yield found


def test_a_run_is_served(served: tuple[LiveMetrics, int]) -> None:
    """Each number is that of the ledger, each class of loss has its own, and phase and verdict are states."""
    metrics, port = served
    run = MeteredRun(SilentProgress(), metrics)
    run.began(("a--none", "a--restart"), 2, "reports/x")
    run.phase("a--restart", Phase.CHANGE)
    run.counts("a--restart", counts())
    kind, text = scraped(port)
    found = samples_of(text)
    own = ("source", "a--restart")

    assert kind.startswith("application/openmetrics-text")
    assert found["harness_requests_sent_total", (own,)] == 97
    assert found["harness_requests_answered_total", (own,)] == 90
    lost = {labels[0][1]: n for (name, labels), n in found.items() if name == "harness_requests_lost_total"}
    assert {name: n for name, n in lost.items() if n} == {"status": 4, "refused": 2}
    assert len(lost) == 10
    assert found["harness_requests_open", (own,)] == 1
    assert found["harness_slots_missed_total", (own,)] == 2
    assert found["harness_client_faults_total", (own,)] == 1
    assert found["harness_request_duration_seconds_count", (own,)] == 90
    assert found["harness_request_duration_seconds_sum", (own,)] == 7.5
    assert found["harness_request_duration_seconds_bucket", (("le", "0.05"), own)] == 89
    assert found["harness_phase", (("harness_phase", "change"), own)] == 1
    assert found["harness_phase", (("harness_phase", "baseline"), own)] == 0
    assert found["harness_verdict_so_far", (("harness_verdict_so_far", "lossy"), own)] == 1
    assert [found["harness_trials", (("state", state),)] for state in TrialState] == [1, 1, 0]
    assert not any("a--none" in str(labels) for _, labels in found)


def test_a_verdict_is_never_lossless_before_the_end(served: tuple[LiveMetrics, int]) -> None:
    """Traffic without a loss is inconclusive so far: unknown is not success."""
    metrics, port = served
    by_outcome = (0, 5, *[0] * (len(Outcome) - 2))
    metrics.update("http://x", counts=LiveCounts(5, 5, 0, None, by_outcome))
    found = samples_of(scraped(port)[1])
    states = {dict(labels)["harness_verdict_so_far"]: n for (name, labels), n in found.items() if "verdict" in name}

    assert states == {"lossy": 0, "inconclusive": 1}
    assert not any("harness_trials" in name for name, _ in found)


def test_every_metric_of_the_table_is_served_and_no_other(served: tuple[LiveMetrics, int]) -> None:
    """The table is what the reference and the dashboard are checked against."""
    metrics, port = served
    metrics.expect(("one",))
    metrics.update("one", counts=counts(), phase=Phase.DRAIN)
    found = {(f.name, f.type): f for f in text_string_to_metric_families(scraped(port)[1])}

    assert set(found) == {(each.name, each.kind) for each in METRICS}
    for each in METRICS:
        family = found[each.name, each.kind]
        assert family.documentation == each.meaning
        own = {each.name} if each.kind == "stateset" else {"le"} if each.kind == "histogram" else set()
        assert {label for sample in family.samples for label in sample.labels} == {*each.labels, *own}


def unknown_names(dashboard: str) -> set[str]:
    """Return the metrics that a dashboard asks for and that do not exist."""
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
    known = {each.name + suffix for each in METRICS for suffix in suffixes.get(each.kind, ("",))}
    expressions = [target["expr"] for panel in json.loads(dashboard)["panels"] for target in panel["targets"]]
    assert len(expressions) >= 10
    return {name for text in expressions for name in re.findall(r"\bharness_\w+", text)} - known


def test_dashboard_asks_for_metrics_that_exist() -> None:
    """Each expression of the shipped dashboard has a metric; a name that is wrong is found."""
    text = DASHBOARD.read_text(encoding="utf-8")
    used = set(re.findall(r"\bharness_[a-z_]+", text))

    assert unknown_names(text) == set()
    assert unknown_names(text.replace("harness_requests_lost_total", "harness_losses_total")) == {
        "harness_losses_total"
    }
    assert all(any(name.startswith(each.name) for name in used) for each in METRICS)


def test_reference_has_every_metric() -> None:
    """The page has a row with name, type and meaning of each."""
    page = (Path(__file__).parents[2] / "docs/reference/metrics.md").read_text(encoding="utf-8")

    for each in METRICS:
        name = each.name + ("_total" if each.kind == "counter" else "")
        labels = ", ".join(f"`{label}`" for label in each.labels)
        assert f"| `{name}` | {each.kind} | {labels} | {each.meaning} |" in page


def test_addresses() -> None:
    """Without a host, nobody else can connect; a wrong address is invalid input."""
    assert metrics_address(":9464") == ("127.0.0.1", 9464)
    assert metrics_address("0.0.0.0:1") == ("0.0.0.0", 1)
    assert metrics_address("[::1]:9464") == ("::1", 9464)
    for wrong in ("9464", ":", ":x", "localhost", ":65536"):
        with pytest.raises(InvalidInputError, match="expected"):
            metrics_address(wrong)


def test_a_port_in_use_is_an_error(served: tuple[LiveMetrics, int]) -> None:
    """The message has the address and advice, and nothing starts."""
    with (
        pytest.raises(HarnessError, match=r"Nothing can listen at 127\.0\.0\.1") as caught,
        serving("127.0.0.1", served[1]),
    ):
        pass

    assert "another port" in caught.value.hint


def test_without_the_option_nothing_is_served() -> None:
    """An empty address is no server."""
    with live_metrics("") as found:
        assert found is None
