"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from benches import native, pages, report, runner
from benches.workloads import WORKLOADS


def main() -> int:
    """Measure what was asked for, print the tables and keep the numbers."""
    parser = argparse.ArgumentParser(
        prog="python -m benches", description="brinery against the stock engine."
    )
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="workloads, with * and ? (repeatable)"
    )
    parser.add_argument(
        "--python", action="append", metavar="PATH", help="interpreters with brinery (this one)"
    )
    parser.add_argument("--quick", action="store_true", help="few rounds: a first look")
    parser.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="how much is measured at once, but for large objects (all processors)",
    )
    parser.add_argument("--peers", action="store_true", help="also marshal, msgpack, cloudpickle and dill")
    parser.add_argument("--protocol", type=int, default=5, choices=range(6), help="default: %(default)s")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the numbers to a file")
    parser.add_argument(
        "--from", type=Path, metavar="IN", dest="kept", help="measure nothing, use such a file"
    )
    parser.add_argument(
        "--publish", action="store_true", help="rewrite the pages and pictures of the repository"
    )
    parser.add_argument(
        "--rust", type=Path, metavar="IN", help="also show what benches/rust wrote with --json"
    )
    parser.add_argument("--list", action="store_true", help="list the workloads")
    given = parser.parse_args()

    patterns = given.only or ["*"]
    chosen = [name for name in WORKLOADS if any(fnmatch.fnmatch(name, pattern) for pattern in patterns)]
    if not chosen:
        parser.error(f"no workload is called {' or '.join(patterns)}; --list names them")
    if given.list:
        for name in chosen:
            print(f"{name:<36} {WORKLOADS[name].about}")
        return 0

    if given.kept:
        found = json.loads(given.kept.read_text(encoding="utf-8"))
    else:
        effort = runner.QUICK if given.quick else runner.FULL
        if given.peers:
            effort = replace(effort, peers=effort.budget)
        if given.jobs:
            effort = replace(effort, jobs=given.jobs)
        found = []
        try:
            for python in given.python or [sys.executable]:
                found.append(runner.measure(python, chosen, given.protocol, effort))
        except runner.Failure as failure:
            print(f"\n{failure}", file=sys.stderr)
            return 1
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for one in found:
        print(told(one))
    rust = json.loads(given.rust.read_text(encoding="utf-8")) if given.rust else None
    if rust:
        print(native.table(rust))
    if given.publish:
        pages.publish(found, rust)
    return 0


def told(found: dict[str, Any]) -> str:
    """Return what is printed of an interpreter."""
    results = found["results"]
    parts = [f"# {report.title(found['about'])}\n", report.speed(results)]
    if report.compared(results):
        parts += [report.memory(results), report.peers(results), report.summary(results)]
    return "\n".join([*filter(None, parts), report.losses(results)])


if __name__ == "__main__":
    sys.exit(main())
