"""Loads the index in a fresh process and goes on working with it."""

from __future__ import annotations

from tour.measure import fresh
from tour.program import Tour
from tour.terminal import seconds, size

TITLE = "Reloaded in a fresh process, and on with the work"


def run(tour: Tour) -> None:
    """Ask the reloaded index, add to it, save it again."""
    tour.terminal.wait("in a fresh process")
    report = fresh("resume", tour.file, tour.folder / "index.grown.pickle")
    tour.terminal.done()
    say = tour.terminal.fact
    say("loaded", f"in {seconds(report['loaded in'])} of wall time")
    say("longest signature", report["longest"])
    say("calls of isinstance", f"{report['callers']:,}, the first in {report['caller']}")
    say("about thread, lock", f"{report['about']:,} docstrings, the first of {report['found']}")
    say("added", f"{report['added']} definitions; saved again, {size(report['saved'])}")
    tour.check(report["whole"], "cycles and shared references are as they were, after both round trips")
