"""Memory: what an operation needs at its peak, and what its result keeps. One side in a process of its own."""

from __future__ import annotations

import gc
import os
from typing import Any

from benches.sides import engine
from benches.workload import Workload

#: So much is loaded to see what one result keeps: memory is handed out in larger pieces than objects.
ENOUGH = 24 << 20
#: Peaks below this are lost in what the process holds in reserve.
VISIBLE = 1 << 20


def measure(workload: Workload, direction: str, side: str, protocol: int) -> dict[str, Any]:
    """Return the bytes that are kept and needed; None where the system does not tell or the object is too small."""
    chosen = engine(workload, side)
    if not os.path.exists("/proc/self/clear_refs"):
        return {"peak": None, "kept": None}
    if direction == "dumps":
        obj = workload.make()
        return {"peak": _peak(lambda: chosen.dumps(obj, protocol)), "kept": None}
    data = engine(workload, "pickle").dumps(workload.make(), protocol)
    return {"peak": _peak(lambda: chosen.loads(data)), "kept": _kept(chosen.loads, data)}


def _peak(operation: Any) -> int | None:
    gc.collect()
    with open("/proc/self/clear_refs", "w", encoding="ascii") as control:
        control.write("5")
    before = _status("VmRSS")
    result = operation()
    peak = _status("VmHWM") - before
    del result
    return peak if peak >= VISIBLE else None


def _kept(loads: Any, data: Any) -> float | None:
    results = [loads(data)]
    gc.collect()
    before, count = _status("VmRSS"), 1
    while _status("VmRSS") - before < ENOUGH and count <= 1 << 17:
        results += [loads(data) for _ in range(count)]
        count = len(results)
    gc.collect()
    grown = _status("VmRSS") - before
    return grown / (count - 1) if count > 1 and grown > VISIBLE else None


def _status(field: str) -> int:
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith(field):
                return int(line.split()[1]) * 1024
    raise LookupError(field)
