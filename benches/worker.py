"""Measures one workload: ``python -m benches.worker WORKLOAD dumps|loads ROUNDS PROTOCOL on|off``."""

from __future__ import annotations

import gc
import json
import statistics
import sys
import time
from collections.abc import Callable

from benches.sides import Side, sides
from benches.workloads import WORKLOADS

#: A turn lasts at least this long, in seconds: shorter ones would measure the clock.
TURN = 0.005


def main() -> None:
    """Measure and print."""
    name, direction, rounds, protocol, collector = sys.argv[1:]
    make, protocol = WORKLOADS[name], int(protocol)
    engines = sides()
    ours, theirs, again = (engine.dumps(make(), protocol) for engine in engines)
    if collector == "off":
        gc.disable()
    if direction == "dumps":
        times = measure(engines, lambda engine, repeat: saving(engine, make, protocol, repeat), int(rounds))
    else:
        times = measure(engines, lambda engine, repeat: loading(engine, theirs, repeat), int(rounds))
    ratios = quotients(times["pickle"], times["brinery"])
    noise = quotients(times["pickle"], times["again"])
    json.dump(
        {
            "workload": name,
            "direction": direction,
            "gc": collector,
            "bytes": len(theirs),
            # Of some objects, such as sets of strings, two that are equal have different pickles.
            "equal": ours == theirs if theirs == again else None,
            "brinery": statistics.median(times["brinery"]),
            "pickle": statistics.median(times["pickle"]),
            "ratio": statistics.median(ratios),
            "quartiles": quartiles(ratios),
            "noise": statistics.median(noise),
            "noise quartiles": quartiles(noise),
        },
        sys.stdout,
    )


def measure(engines: list[Side], turn: Callable[[Side, int], float], rounds: int) -> dict[str, list[float]]:
    """Give every engine a turn in each round, the order rotated, and return the seconds of one operation."""
    repeat = 1
    while turn(engines[1], repeat) < TURN and repeat < 1 << 16:
        repeat *= 2
    times: dict[str, list[float]] = {engine.name: [] for engine in engines}
    for engine in engines:
        turn(engine, repeat)
    for number in range(rounds):
        shift = number % len(engines)
        for engine in engines[shift:] + engines[:shift]:
            times[engine.name].append(turn(engine, repeat) / repeat)
    return times


def saving(engine: Side, make: Callable[[], object], protocol: int, repeat: int) -> float:
    """Save `repeat` fresh objects and return the CPU time."""
    dumps = engine.dumps
    objects = [make() for _ in range(repeat)]
    gc.collect()
    began = time.thread_time()
    for obj in objects:
        dumps(obj, protocol)
    return time.thread_time() - began


def loading(engine: Side, data: bytes, repeat: int) -> float:
    """Load the data `repeat` times and return the CPU time, that of dropping the objects left out."""
    loads = engine.loads
    kept = [None] * repeat
    gc.collect()
    began = time.thread_time()
    for i in range(repeat):
        kept[i] = loads(data)
    return time.thread_time() - began


def quotients(left: list[float], right: list[float]) -> list[float]:
    """Divide round by round: what disturbs a round disturbs both sides."""
    return [a / b for a, b in zip(left, right)]


def quartiles(values: list[float]) -> tuple[float, float]:
    """Return the first and the third quartile."""
    first, _, third = statistics.quantiles(values, n=4)
    return first, third


if __name__ == "__main__":
    main()
