"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import fnmatch
import json
import platform
import subprocess
import sys
from pathlib import Path

from benches import report
from benches.workloads import WORKLOADS

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Measure what was asked for, print the table and keep the numbers."""
    parser = argparse.ArgumentParser(
        prog="python -m benches", description="brinery against the stock engine."
    )
    parser.add_argument("workloads", nargs="*", default=["*"], help="names, with * and ? (default: all)")
    parser.add_argument("--direction", choices=("dumps", "loads"), help="default: both")
    parser.add_argument("--rounds", type=int, default=21, help="default: %(default)s")
    parser.add_argument("--protocol", type=int, default=5, choices=range(6), help="default: %(default)s")
    parser.add_argument("--gc", choices=("on", "off", "both"), default="on", help="the cyclic collector (on)")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "bench", help="where the results go")
    parser.add_argument("--list", action="store_true", help="list the workloads")
    given = parser.parse_args()

    if given.rounds < 2:
        parser.error("--rounds must be 2 or more")
    chosen = [
        name for name in WORKLOADS if any(fnmatch.fnmatch(name, pattern) for pattern in given.workloads)
    ]
    if not chosen:
        parser.error(f"no workload is called {' or '.join(given.workloads)}; --list names them")
    if given.list:
        for name in chosen:
            print(f"{name:<28} {WORKLOADS[name].__doc__.strip()}")
        return 0

    directions = [given.direction] if given.direction else ["dumps", "loads"]
    collectors = ["on", "off"] if given.gc == "both" else [given.gc]
    tasks = [(name, way, gc) for gc in collectors for way in directions for name in chosen]
    results = []
    for number, (name, way, gc) in enumerate(tasks, 1):
        progress(f"[{number}/{len(tasks)}] {way} {name}")
        arguments = [name, way, str(given.rounds), str(given.protocol), gc]
        done = subprocess.run(
            [sys.executable, "-m", "benches.worker", *arguments], cwd=ROOT, capture_output=True, text=True
        )
        if done.returncode:
            progress("")
            print(f"{way} {name} failed:\n{done.stderr}", file=sys.stderr)
            return 1
        results.append(json.loads(done.stdout))
    progress("")

    about = f"{platform.python_implementation()} {platform.python_version()}, {platform.python_compiler()}"
    text = (
        f"{about}, {platform.machine()}; protocol {given.protocol}, {given.rounds} rounds\n\n"
        + report.table(results)
    )
    print(text, end="")
    given.folder.mkdir(parents=True, exist_ok=True)
    (given.folder / "results.md").write_text(text, encoding="utf-8")
    (given.folder / "results.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    unequal = [result["workload"] for result in results if result["equal"] is False]
    if unequal:
        print(f"the bytes differ: {', '.join(sorted(set(unequal)))}", file=sys.stderr)
    return 1 if unequal else 0


def progress(text: str) -> None:
    """Say what is measured: on a terminal in one line that is written over, else line by line."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
