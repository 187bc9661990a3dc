"""Measures one workload in a process of its own: ``python -m benches.worker TASK``, a task and its result in JSON."""

from __future__ import annotations

import gc
import json
import platform
import sys
import sysconfig
import threading
from typing import Any

from benches import measure, memory
from benches.alike import alike
from benches.sides import Side, engine, engines, peers
from benches.workload import Workload
from benches.workloads import WORKLOADS

#: The stock engine goes as deep as its C stack lets it.
STACK = 768 << 20


def main() -> None:
    """Do the task and print its result."""
    task = json.loads(sys.argv[1])
    result: dict[str, Any] = {}

    def run() -> None:
        result.update(done(task))

    threading.stack_size(STACK)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if not result:
        sys.exit(1)
    json.dump(result, sys.stdout)


def done(task: dict[str, Any]) -> dict[str, Any]:
    """Return the result of a task."""
    if task["kind"] == "about":
        return about()
    workload = WORKLOADS[task["workload"]]
    if workload.missing():
        return {"missing": workload.missing()}
    direction, protocol = task["direction"], task["protocol"]
    if task["kind"] == "memory":
        try:
            return memory.measure(workload, direction, task["side"], protocol)
        except RecursionError:
            return {"stock cannot": "RecursionError"}
    sides = engines(workload)
    obj = workload.make()
    try:
        theirs = engine(workload, "pickle").dumps(obj, protocol)
    except RecursionError:
        return {"stock cannot": "RecursionError"}
    check(sides, workload, obj, theirs, protocol)
    del obj
    if task["kind"] == "peers":
        return compare_peers(workload, direction, protocol, theirs, task["budget"])
    turn = turns(workload, direction, protocol, theirs)
    result: dict[str, Any] = {"bytes": len(theirs)}
    for collector in ("on", "off"):
        if collector == "off":
            gc.disable()
        repeat = measure.calibrated(turn, sides[1])
        repeats = dict.fromkeys((side.name for side in sides), repeat)
        for side in sides:
            turn(side, repeat)
        # The usual case, with the collector, is measured longer.
        budget = task["budget"] / (1 if collector == "on" else 2)
        times = measure.rounds(sides, turn, repeats, budget, task["least"])
        result[collector] = measure.compared(times)
    return result


def turns(workload: Workload, direction: str, protocol: int, data: Any) -> measure.Turn:
    """Return the turn of a direction."""
    if direction == "dumps":
        return measure.saving(workload, protocol, len(data))
    return measure.loading(workload, data)


def check(sides: list[Side], workload: Workload, obj: Any, theirs: Any, protocol: int) -> None:
    """Fail unless brinery writes the same bytes, for a fresh object too, and loads them to the same."""
    ours, stock, _ = sides
    if ours.dumps(obj, protocol) != theirs:
        raise AssertionError(f"{workload.name}: the bytes differ")
    fresh = workload.make()
    if ours.dumps(fresh, protocol) != stock.dumps(fresh, protocol):
        raise AssertionError(f"{workload.name}: the bytes of a fresh object differ")
    if ours.dumps(stock.loads(theirs), protocol) != stock.dumps(ours.loads(theirs), protocol):
        raise AssertionError(f"{workload.name}: what is loaded differs")


def compare_peers(
    workload: Workload, direction: str, protocol: int, data: Any, budget: float
) -> dict[str, float]:
    """Return how many times as fast as the stock engine each peer is that gives back what it was given."""
    stock = engine(workload, "pickle")
    ratios = {}
    for peer in peers(workload):
        try:
            saved = peer.dumps(workload.make(), protocol)
            if not alike(workload.make(), peer.loads(saved)):
                continue
        except Exception:
            continue  # what a peer cannot express is a dash in the table
        mine, other = turns(workload, direction, protocol, data), turns(workload, direction, protocol, saved)

        def turn(side: Side, repeat: int, mine=mine, other=other) -> float:
            return (mine if side is stock else other)(side, repeat)

        repeats = {side.name: measure.calibrated(turn, side) for side in (stock, peer)}
        times = measure.rounds([stock, peer], turn, repeats, budget / 5, least=1)
        ratios[peer.name] = measure.median_ratio(times[stock.name], times[peer.name])
    return {"peers": ratios}


def about() -> dict[str, Any]:
    """Say what interpreter this is."""
    flags = " ".join(
        str(sysconfig.get_config_var(name) or "") for name in ("CONFIG_ARGS", "PY_CFLAGS_NODIST")
    )
    import brinery

    # Debian and those after it mark what they build by an installation scheme of their own. They profile it, and their
    # configuration does not say so.
    packaged = any(name.startswith("deb_") for name in sysconfig.get_scheme_names())
    return {
        "version": platform.python_version(),
        "optimised": packaged or "--enable-optimizations" in flags or "-fprofile-use" in flags,
        "packaged": packaged and platform.freedesktop_os_release().get("NAME", "Linux").partition(" ")[0],
        "compiler": platform.python_compiler(),
        "machine": f"{platform.system()} {platform.machine()}",
        "brinery": brinery.__version__,
    }


if __name__ == "__main__":
    main()
