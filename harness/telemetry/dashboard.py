"""The Grafana dashboard of the live metrics: ``python -m harness.telemetry.dashboard`` prints it."""

from __future__ import annotations

from pathlib import Path

from harness.kit import streams

#: The dashboard, to import into Grafana.
DASHBOARD = Path(__file__).with_name("grafana-dashboard.json")


def main() -> None:
    """Print the dashboard."""
    with streams.required_output() as file:
        file.write(DASHBOARD.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
