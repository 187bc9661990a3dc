"""What the tour runs in fresh processes: ``python -m tour.worker TASK ARGUMENTS…``; the report is JSON."""

from __future__ import annotations

import gc
import importlib
import json
import sys
import time
import tracemalloc
from pathlib import Path

from tour import model
from tour.measure import paired, resident


def loading(file: str, rounds: str) -> dict:
    """Load the index with brinery and with pickle in turns."""
    import pickle

    import brinery

    data = Path(file).read_bytes()
    times = paired(lambda: brinery.loads(data), lambda: pickle.loads(data), range(int(rounds)))
    return {"rounds": [side.rounds for side in times]}


def retained(engine: str, file: str) -> dict:
    """Load the index and report what it keeps of resident memory."""
    pickle = importlib.import_module(engine)
    data = Path(file).read_bytes()
    gc.collect()
    before = resident()
    index = pickle.loads(data)
    gc.collect()
    return {"bytes": resident() - before, "modules": len(index.modules)}


def traced(engine: str, file: str) -> dict:
    """Load the index and report what the allocators of Python say it keeps."""
    pickle = importlib.import_module(engine)
    data = Path(file).read_bytes()
    gc.collect()
    tracemalloc.start()
    index = pickle.loads(data)
    gc.collect()
    kept, _ = tracemalloc.get_traced_memory()
    return {"bytes": kept, "modules": len(index.modules)}


def resume(file: str, saved: str) -> dict:
    """Load the index with brinery, ask it questions, go on building it, and save it again."""
    import brinery as pickle

    began = time.perf_counter()
    with open(file, "rb") as stream:
        index: model.Index = pickle.load(stream)
    loaded = time.perf_counter() - began

    functions = [found for module in index.modules.values() for found in module.walk()]
    functions = [found for found in functions if isinstance(found, model.Function)]
    longest = max(functions, key=lambda function: len(function.signature.parameters))
    callers = index.callers["isinstance"]
    about = index.about("thread", "lock")
    report = {
        "loaded in": loaded,
        "longest": f"{longest.qualified_name}, {len(longest.signature.parameters)} parameters",
        "callers": len(callers),
        "caller": f"{callers[0].caller.qualified_name}, line {callers[0].line}",
        "about": len(about),
        "found": about[0].qualified_name if about else "nothing",
    }

    # Parents and members still lead to each other, and the inverted indexes still share the definitions.
    whole = all(
        member.parent is found and index.by_name[member.name].count(member) == 1
        for module in list(index.modules.values())[:50]
        for found in module.walk()
        for member in found.members.values()
    )
    # Go on: the module that this very function stands in joins the index.
    from tour import stdlib

    added = stdlib.parse("tour.worker", Path(__file__), Path(__file__).parents[1])
    index.add(added)
    index.notes["added in a fresh process"] += len(list(added.walk()))
    with open(saved, "wb") as stream:
        pickle.dump(index, stream, protocol=5)
    again = pickle.loads(Path(saved).read_bytes())
    report["whole"] = whole and again.modules["tour.worker"].members["resume"].parent.name == "tour.worker"
    report["added"] = index.notes["added in a fresh process"]
    report["saved"] = Path(saved).stat().st_size
    return report


def spring(file: str) -> dict:
    """Load a hostile file with the stock module, and let it do what it does."""
    import pickle

    with open(file, "rb") as stream:
        pickle.load(stream)
    return {}


TASKS = {task.__name__: task for task in (loading, retained, traced, resume, spring)}

if __name__ == "__main__":
    json.dump(TASKS[sys.argv[1]](*sys.argv[2:]), sys.stdout)
