"""Clients that are separate programs: hey and wrk from Debian's packages, vegeta and k6 from their Go modules."""

from __future__ import annotations

import json
import re
import tempfile
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

from bench.jobs import Job, Result
from bench.measure import Spent, spend
from bench.servers import has

#: Debian's packages.
PACKAGES = ("hey", "wrk")
#: Program -> the Go module that ``go install`` builds it from.
MODULES = {"vegeta": "github.com/tsenart/vegeta/v12@v12.13.0", "k6": "go.k6.io/k6@v1.8.1"}

_K6_SCRIPT = """\
import http from "k6/http";
export const options = %(options)s;
export default function () { http.request(%(method)s, %(url)s, %(body)s); }
"""


def missing() -> str:
    """Return how to install the missing programs; empty if none is missing."""
    packages = [package for package in PACKAGES if not has(package)]
    modules = [program for program in MODULES if not has(program)]
    ways = [f"sudo apt-get install -y {' '.join(packages)}"] if packages else []
    ways += [f"go install {MODULES[program]}" for program in modules]
    return f"Without {' and '.join([*packages, *modules])}. Install: {'; '.join(ways)}" if ways else ""


def hey(job: Job, cpu: int | None) -> Result:
    """Run ``hey``, a client in Go."""
    argv = ["hey", "-z", f"{job.seconds}s", "-c", str(job.connections), "-cpus", "1"]
    argv += ["-m", "POST", "-d", "attempt"] if job.post else []
    argv += [] if job.reuse else ["-disable-keepalive"]
    spent = spend([*argv, f"{job.url}/"], cpu=cpu)
    answered = sum(int(n) for n in re.findall(r"^\s+\[\d+\]\s+(\d+) responses$", spent.stdout, re.MULTILINE))
    _, _, errors = spent.stdout.partition("Error distribution:")
    lost = sum(int(n) for n in re.findall(r"^\s+\[(\d+)\]", errors, re.MULTILINE))
    return _result(spent, answered + lost, lost)


def wrk(job: Job, cpu: int | None) -> Result:
    """Run ``wrk``, a client in C."""
    # wrk takes whole seconds only.
    argv = ["wrk", "-t", "1", "-c", str(job.connections), "-d", f"{max(1, round(job.seconds))}s"]
    argv += [] if job.reuse else ["-H", "Connection: close"]
    spent = spend([*argv, f"{job.url}/"], cpu=cpu)
    answered = re.search(r"(\d+) requests in", spent.stdout)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", spent.stdout)
    lost = sum(map(int, errors.groups())) if errors else 0
    return _result(spent, (int(answered[1]) if answered else 0) + lost, lost)


def vegeta(job: Job, cpu: int | None) -> Result:
    """Run ``vegeta``, a client in Go, as fast as its connections allow. Its report is made afterwards."""
    target = {"method": "POST" if job.post else "GET", "url": f"{job.url}/"}
    target |= {"body": b64encode(b"attempt").decode()} if job.post else {}
    with tempfile.TemporaryDirectory() as folder:
        targets, results = Path(folder) / "targets.json", Path(folder) / "results"
        targets.write_text(json.dumps(target) + "\n", encoding="utf-8")
        workers = str(job.connections)
        argv = ["vegeta", "-cpus=1", "attack", "-rate=0", f"-duration={job.seconds}s", f"-targets={targets}"]
        argv += ["-format=json", f"-output={results}", "-workers", workers, "-max-workers", workers]
        argv += ["-connections", workers] if job.reuse else ["-keepalive=false"]
        spent = spend(argv, cpu=cpu)
        report = spend(["vegeta", "report", "-type=json", str(results)])
    _check(spent)
    _check(report)
    found = json.loads(report.stdout)
    answered = found["status_codes"].get("200", 0)
    return _result(spent, found["requests"], found["requests"] - answered)


def k6(job: Job, cpu: int | None) -> Result:
    """Run ``k6``, a client in Go whose users are JavaScript."""
    options = {"vus": job.connections, "duration": f"{job.seconds}s", "noConnectionReuse": not job.reuse}
    words: dict[str, object] = {"options": options, "method": "POST" if job.post else "GET", "url": f"{job.url}/"}
    words |= {"body": "attempt" if job.post else None}
    with tempfile.TemporaryDirectory() as folder:
        script, summary = Path(folder) / "script.js", Path(folder) / "summary.json"
        script.write_text(_K6_SCRIPT % {name: json.dumps(word) for name, word in words.items()}, encoding="utf-8")
        argv = ["env", "GOMAXPROCS=1", "k6", "run", "--quiet", "--no-usage-report", "--log-output=none"]
        spent = spend([*argv, f"--summary-export={summary}", str(script)], cpu=cpu)
        _check(spent)
        metrics = json.loads(summary.read_text(encoding="utf-8"))["metrics"]
    # "passes" counts the requests for which "failed" is true.
    return _result(spent, int(metrics["http_reqs"]["count"]), int(metrics["http_req_failed"]["passes"]))


def _check(spent: Spent, *, sent: bool = True) -> None:
    if spent.code or not sent:
        raise RuntimeError(f"the client ended with {spent.code}:\n{spent.stdout}{spent.stderr}")


def _result(spent: Spent, requests: int, lost: int) -> Result:
    _check(spent, sent=requests > 0)
    return Result(requests, lost, spent.cpu)


OUTSIDE: dict[str, Callable[[Job, int | None], Result]] = {"hey": hey, "wrk": wrk, "vegeta": vegeta, "k6": k6}
