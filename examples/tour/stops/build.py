"""Reads the standard library into the objects that the other stops save."""

from __future__ import annotations

import gc
import time
import types

from tour import stdlib
from tour.model import Class, Function, Parameter
from tour.program import Tour
from tour.terminal import seconds

TITLE = "Objects of this machine: the standard library, parsed and indexed"


def run(tour: Tour) -> None:
    """Build the index and say what is in it."""
    began = time.perf_counter()
    index = stdlib.build(tour.quick, lambda files: tour.terminal.progress(files, "parsing"))
    built = time.perf_counter() - began
    tour.index = index

    objects, parameters = census(index)
    say = tour.terminal.fact
    say("modules", f"{len(index.modules):,} of {index.python}, read in {seconds(built)}")
    say("classes, functions", f"{index.count(Class):,} and {index.count(Function):,}")
    say("parameters", f"{parameters:,}")
    say("calls", f"{sum(map(len, index.callers.values())):,}, each knows its caller")
    say(
        "words in docstrings",
        f"{len(index.by_word):,}, leading to {sum(map(len, index.by_word.values())):,} places",
    )
    say("Python objects", f"{objects:,} in all; parents and members refer to each other")


def census(root: object) -> tuple[int, int]:
    """Count the objects reachable from `root` (classes and modules aside), and the parameters among them."""
    seen = {id(root)}
    waiting = [root]
    parameters = 0
    while waiting:
        found = waiting.pop()
        parameters += isinstance(found, Parameter)
        for held in gc.get_referents(found):
            if id(held) not in seen and not isinstance(held, (type, types.ModuleType, types.FunctionType)):
                seen.add(id(held))
                waiting.append(held)
    return len(seen), parameters
