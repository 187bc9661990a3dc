"""Saves a chain of objects far deeper than the interpreter's recursion limit."""

from __future__ import annotations

import pickle
import sys

import brinery
from tour.model import Step
from tour.program import Tour

TITLE = "Deeper than the recursion limit: a chain of all definitions, each holding the one before"


def run(tour: Tour) -> None:
    """Save and load the chain with brinery; say what the stock module does with it."""
    last = None
    for module in tour.index.modules.values():
        for definition in module.walk():
            last = Step(definition, last)
    depth = length(last)
    tour.terminal.fact(
        "the chain", f"{depth:,} objects deep; sys.getrecursionlimit() is {sys.getrecursionlimit():,}"
    )
    try:
        stock = f"{len(pickle.dumps(last, 5)):,} bytes"
    except RecursionError as error:
        stock = f"RecursionError: {error}"
    data = brinery.dumps(last, 5)
    tour.terminal.fact("pickle", stock)
    tour.terminal.fact("brinery", f"{len(data):,} bytes")
    tour.check(length(brinery.loads(data)) == depth, f"loaded again, all {depth:,} links")
    tour.row(
        "a chain of objects", f"{depth:,} deep", "RecursionError" if "Error" in stock else f"{depth:,} deep"
    )


def length(step: object) -> int:
    """Count the links."""
    count = 0
    while step is not None:
        count += 1
        step = step.before
    return count
