"""Times: turns, rounds and what is made of them."""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable
from typing import Any

from benches import heap
from benches.sides import Side
from benches.workload import Workload

#: A turn lasts at least this long where objects are cheap to make, in seconds: shorter ones measure the clock.
TURN = 0.005
#: The longest that making the objects of a turn may take before the turn gets shorter.
MAKING = 0.06
#: Small objects are made in groups of about this many bytes, so that they are as fresh in the caches as in a program.
GROUP = 16_384
#: The most rounds: more say no more.
MOST = 41

Turn = Callable[[Side, int], float]
clock = time.process_time


class _Poke:
    """An object that the collector counts."""


def saving(workload: Workload, protocol: int, size: int) -> Turn:
    """Return a turn that saves fresh objects."""
    group = max(1, min(256, GROUP // max(size, 1)))

    def turn(side: Side, repeat: int) -> float:
        dumps, spent = side.dumps, 0.0
        gc.collect()
        while repeat > 0:
            if workload.shuffled:
                heap.shuffle()
            objects = [workload.make() for _ in range(min(repeat, group))]
            began = clock()
            for obj in objects:
                dumps(obj, protocol)
            spent += clock() - began
            repeat -= group
            del obj, objects
        return spent

    return turn


def loading(workload: Workload, data: Any) -> Turn:
    """Return a turn that loads; the drop of what was loaded is not timed, the collections that it left due are.

    The collector runs as the user has it. A load during which it does not run leaves its work to the next
    allocation and to the next older generation: both are done here before the clock stops, for every side.
    """

    def turn(side: Side, repeat: int) -> float:
        loads = side.loads
        kept: list[Any] = [None] * repeat
        gc.collect()
        if workload.shuffled:
            heap.shuffle()
        began = clock()
        for index in range(repeat):
            kept[index] = loads(data)
        if gc.isenabled():
            _Poke()
            gc.collect(1)
        return clock() - began

    return turn


def calibrated(turn: Turn, side: Side) -> int:
    """Return how often a turn repeats the operation: until `TURN` is over, if making the objects lets it."""
    repeat = 1
    while True:
        whole = clock()
        spent = turn(side, repeat)
        whole = clock() - whole
        if spent >= TURN or whole - spent >= MAKING or repeat >= 1 << 14:
            return repeat
        repeat = min(16 * repeat, max(2 * repeat, math.ceil(repeat * TURN / max(spent, 1e-9))))


def rounds(
    sides: list[Side], turn: Turn, repeats: dict[str, int], budget: float, least: int
) -> dict[str, list[float]]:
    """Give every side a turn in each round, the order rotated, and return the seconds of one operation."""
    times: dict[str, list[float]] = {side.name: [] for side in sides}
    ends = time.perf_counter() + budget
    number = 0
    while number < least or (number < MOST and time.perf_counter() < ends):
        shift = number % len(sides)
        for side in sides[shift:] + sides[:shift]:
            times[side.name].append(turn(side, repeats[side.name]) / repeats[side.name])
        number += 1
    return times


def compared(times: dict[str, list[float]]) -> dict[str, Any]:
    """Return the medians, and the ratios of the rounds: what disturbs a round disturbs all its turns."""
    ratios = [theirs / ours for theirs, ours in zip(times["pickle"], times["brinery"])]
    noise = [theirs / again for theirs, again in zip(times["pickle"], times["again"])]
    return {
        "rounds": len(ratios),
        "brinery": statistics.median(times["brinery"]),
        "pickle": statistics.median(times["pickle"]),
        "ratio": statistics.median(ratios),
        "quartiles": quartiles(ratios),
        "noise": statistics.median(noise),
        "noise quartiles": quartiles(noise),
    }


def median_ratio(theirs: list[float], ours: list[float]) -> float:
    """Return the median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(theirs, ours))


def quartiles(values: list[float]) -> tuple[float, float]:
    """Return the first and the third quartile."""
    if len(values) < 2:
        return values[0], values[0]
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return first, third
