"""Runs one path under callgrind: ``python -S worker.py SITE PATH dumps|loads``.

Callgrind is told to count while libffi's `ffi_call` runs, through which ctypes calls a function of the interpreter that
exhausts an iterator: the path. Nothing else here calls it, so that the start and the making of objects are left out.
"""

from __future__ import annotations

import ctypes
import gc
import sys


def main() -> None:
    """Warm up on objects of the same kind, then run the path where it is counted."""
    site, name, direction = sys.argv[1:]
    sys.path.insert(1, site)
    from paths import PATHS

    import brinery

    make, count = PATHS[name]
    saved = brinery.dumps(make(), 5)
    brinery.loads(saved)
    if direction == "dumps":
        objects = [make() for _ in range(count)]
        results = map(brinery.dumps, objects, [5] * count)
    else:
        results = map(brinery.loads, [saved] * count)
    kept: list = []
    appended = map(kept.append, results)
    counted = ctypes.pythonapi.PySequence_Count
    counted.argtypes, counted.restype = [ctypes.py_object, ctypes.py_object], ctypes.c_ssize_t
    # Which generation the collector turns to next is not to depend on what was made before.
    gc.collect()
    assert counted(appended, None) == len(kept) == count


if __name__ == "__main__":
    main()
