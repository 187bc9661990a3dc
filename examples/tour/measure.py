"""Honest measurements: paired and interleaved times, memory in fresh processes."""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

EXAMPLES = Path(__file__).resolve().parents[1]


@dataclass
class Times:
    """The CPU times of the rounds of one side, in seconds."""

    rounds: list[float]

    @property
    def median(self) -> float:
        """The middle round."""
        return statistics.median(self.rounds)

    @property
    def spread(self) -> float:
        """Half the distance of the slowest and the fastest round, as a share of the median."""
        return (max(self.rounds) - min(self.rounds)) / 2 / self.median


def paired(
    left: Callable[[], object], right: Callable[[], object], rounds: Iterable[int]
) -> tuple[Times, Times]:
    """Time two functions in turns, the order swapped each round, results dropped outside the clock.

    The cyclic collector runs as the user has it; earlier garbage is collected before the clock starts.
    """
    times: tuple[list[float], list[float]] = ([], [])
    for turn in rounds:
        for side in ((0, 1), (1, 0))[turn % 2]:
            function = (left, right)[side]
            gc.collect()
            began = time.process_time()
            result = function()
            times[side].append(time.process_time() - began)
            del result
    return Times(times[0]), Times(times[1])


def fresh(task: str, *arguments: object) -> dict:
    """Run a task of `tour.worker` in a new interpreter and return what it reports."""
    path = os.pathsep.join(filter(None, [str(EXAMPLES), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", "tour.worker", task, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    if done.returncode:
        raise RuntimeError(f"the fresh process for {task!r} failed: {done.stderr.strip() or done.returncode}")
    return json.loads(done.stdout)


def resident() -> int:
    """Return the resident memory of this process in bytes; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
