"""Runs the tasks of an interpreter, each in a fresh process, and shows how far it is."""

from __future__ import annotations

import concurrent.futures
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benches.workloads import WORKLOADS

ROOT = Path(__file__).resolve().parents[1]
DIRECTIONS = ("dumps", "loads")


@dataclass(frozen=True)
class Effort:
    """How much is measured: seconds of a workload, direction and collector; the fewest rounds; what else; how many at once."""

    budget: float
    least: int
    peers: float = 0.0
    jobs: int = os.cpu_count() or 1


FULL = Effort(budget=0.8, least=5)
QUICK = Effort(budget=0.06, least=3)


class Failure(Exception):
    """A process that failed, with what it said."""


def measure(python: str, names: Sequence[str], protocol: int, effort: Effort) -> dict[str, Any]:
    """Return what was found for the workloads on an interpreter."""
    rows: dict[str, dict[str, Any]] = {name: {"workload": name} for name in names}
    timed = [
        {"kind": kind, "workload": name, "direction": direction, "protocol": protocol, "budget": budget}
        for name in names
        for direction in DIRECTIONS
        for kind, budget in (("times", effort.budget), ("peers", effort.peers))
        if budget
    ]
    sized = [
        {"kind": "memory", "workload": name, "direction": direction, "protocol": protocol, "side": side}
        for name in names
        for direction in DIRECTIONS
        for side in ("brinery", "pickle")
    ]
    side_by_side = [task for task in timed if not WORKLOADS[task["workload"]].large]
    alone = [task for task in timed if WORKLOADS[task["workload"]].large]
    progress = Progress(os.path.basename(os.path.dirname(os.path.dirname(python))) or python, timed, sized)
    about = process(python, {"kind": "about"})

    def timing(task: dict[str, Any]) -> dict[str, Any]:
        progress.show(f"{task['direction']} {task['workload']}")
        return process(python, {**task, "least": effort.least})

    # Times of the processor, compared within a process: small work may be measured on each processor at once. Large work
    # shares the memory with what runs beside it, and is alone. Memory itself does not depend on what else is done.
    for tasks, jobs, work in (
        (side_by_side, effort.jobs, timing),
        (alone, 1, timing),
        (sized, os.cpu_count() or 1, lambda task: process(python, task)),
    ):
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            for task, result in zip(tasks, pool.map(work, tasks)):
                take(rows[task["workload"]], task, result)
                if tasks is sized:
                    progress.show("memory")
                progress.advance(task)
    progress.end()
    return {"about": {**about, "protocol": protocol}, "results": list(rows.values())}


def take(row: dict[str, Any], task: dict[str, Any], result: dict[str, Any]) -> None:
    """Put the result of a task into the row of its workload."""
    if "missing" in result or "stock cannot" in result:
        row.update(result)
    elif task["kind"] != "memory":
        row.setdefault(task["direction"], {}).update(result)
    elif not {"missing", "stock cannot"} & row.keys():
        row[task["direction"]].setdefault("memory", {})[task["side"]] = result


def process(python: str, task: dict[str, Any]) -> dict[str, Any]:
    """Do a task in a new process, strings hashed the same way each time."""
    done = subprocess.run(
        [python, "-m", "benches.worker", json.dumps(task)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    if done.returncode:
        what = " ".join(str(task[key]) for key in ("kind", "direction", "workload") if key in task)
        raise Failure(f"{what}: {done.stderr.strip() or f'exit code {done.returncode}'}")
    return json.loads(done.stdout)


class Progress:
    """A bar on a terminal; elsewhere a line for each family."""

    #: About how long a task of a kind takes beside another.
    WEIGHTS = {"times": 20, "peers": 12, "memory": 1}

    def __init__(self, label: str, *tasks: list[dict[str, Any]]) -> None:
        self.label = label
        self.total = sum(self.weight(task) for task in _all(tasks)) or 1
        self.done = 0
        self.began = time.monotonic()
        self.family = ""

    def weight(self, task: dict[str, Any]) -> int:
        """Return the share of a task."""
        return self.WEIGHTS[task["kind"]]

    def advance(self, task: dict[str, Any]) -> None:
        """Count a task as done."""
        self.done += self.weight(task)

    def show(self, what: str) -> None:
        """Say what is measured now."""
        share = self.done / self.total
        if sys.stderr.isatty():
            bar = "━" * round(share * 30)
            spent = time.monotonic() - self.began
            left = clock(spent / share - spent) + " left" if share > 0.02 else ""
            line = f"{self.label} {bar:<30} {share:4.0%} {left:<12} {what}"
            print(f"\r\x1b[K{line[:110]}", end="", file=sys.stderr, flush=True)
        elif (family := what.rpartition(" ")[2].partition(".")[0]) != self.family:
            self.family = family
            print(f"{self.label}: {share:4.0%} {family}", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Take the bar away."""
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr)
        print(
            f"{self.label}: measured in {clock(time.monotonic() - self.began)}", file=sys.stderr, flush=True
        )


def _all(lists: Sequence[list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    for tasks in lists:
        yield from tasks


def clock(seconds: float) -> str:
    """Return minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
