"""Measures what the loaded index keeps, each time in a fresh process."""

from __future__ import annotations

from tour.measure import fresh
from tour.program import Tour
from tour.terminal import size

TITLE = "Memory that the loaded objects keep (each measured in a fresh process)"


def run(tour: Tour) -> None:
    """Load in fresh processes with each engine and compare."""
    rows = []
    for task, name in (("retained", "resident memory"), ("traced", "as tracemalloc counts")):
        tour.terminal.wait(f"loading with each in a process of its own, {name}")
        ours = fresh(task, "brinery", tour.file)["bytes"]
        theirs = fresh(task, "pickle", tour.file)["bytes"]
        tour.terminal.done()
        if not ours or not theirs:  # the system does not tell
            continue
        compared = f"{ours / theirs:.2f}× as much"
        rows.append((name, size(ours), size(theirs), compared))
    tour.terminal.table(("after loading", "brinery", "pickle", "brinery keeps"), rows)
    what, ours, theirs, compared = rows[-1]
    tour.row("memory kept", ours, theirs, compared)
