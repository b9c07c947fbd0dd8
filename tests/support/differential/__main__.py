"""Record the answers of a real cluster: ``PYTHONPATH=tests/support python -m differential api KUBECONFIG``."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from differential.api_answers import Answer, Api, answers, connected
from differential.api_cases import ROOT, load

API_RECORDING = ROOT / "recorded" / "api.jsonl"


def main() -> int:
    """Run what the command line names; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m differential", description=__doc__)
    parser.add_argument("what", choices=("api",))
    parser.add_argument("kubeconfig", type=Path)
    parser.add_argument("--out", type=Path, default=API_RECORDING)
    options = parser.parse_args()
    header, found = asyncio.run(_ask(yaml.safe_load(options.kubeconfig.read_text())))
    lines = [header, *({"case": name, **answer} for name, answer in sorted(found.items()))]
    options.out.write_text(
        "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    )
    sys.stdout.write(f"{len(found)} answers of {header['source']} in {options.out}\n")
    return 0


async def _ask(config: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Answer]]:
    """Send every case of the API to the cluster of a kubeconfig."""
    async with connected(config) as api:
        return await source_of(api), await answers(api, load(), str(int(time.time())))


async def source_of(api: Api) -> dict[str, Any]:
    """Describe a cluster: its version and how it was made, with the date."""
    _, _, version = await api.send("GET", "/version")
    _, _, nodes = await api.send("GET", "/api/v1/nodes")
    info = nodes["items"][0]["status"]["nodeInfo"]
    return {
        "source": f"Kubernetes {version['gitVersion']}, {info['containerRuntimeVersion']}, one node",
        "recorded": time.strftime("%Y-%m-%d", time.gmtime()),
    }


if __name__ == "__main__":
    sys.exit(main())
