"""Saves and loads the index with brinery and with the stock module, in turns."""

from __future__ import annotations

import hashlib
import pickle

import brinery
from tour.measure import Times, fresh, paired
from tour.program import Tour
from tour.terminal import seconds, size

TITLE = "Saved and loaded: brinery and pickle in turns"


def run(tour: Tour) -> None:
    """Save with both, compare the bytes, and time both ways."""
    terminal, index = tour.terminal, tour.index
    tour.file = tour.folder / "index.pickle"
    with open(tour.file, "wb") as stream:
        brinery.dump(index, stream, protocol=5)
    stock_file = tour.folder / "index.stock.pickle"
    with open(stock_file, "wb") as stream:
        pickle.dump(index, stream, protocol=5)

    ours, theirs = tour.file.read_bytes(), stock_file.read_bytes()
    for file, data in ((tour.file, ours), (stock_file, theirs)):
        terminal.fact(file.name, f"{size(len(data))}, sha256 {hashlib.sha256(data).hexdigest()[:32]}…")
    tour.check(ours == theirs, f"the two files are equal, byte for byte ({len(ours):,} bytes)")
    others = {
        protocol: brinery.dumps(index, protocol) == pickle.dumps(index, protocol) for protocol in (2, 3, 4)
    }
    tour.check(all(others.values()), "and in protocols 2, 3 and 4 (0 and 1 cannot hold classes with slots)")

    rounds = 3 if tour.quick else 5
    saving = paired(
        lambda: brinery.dumps(index, 5),
        lambda: pickle.dumps(index, 5),
        terminal.progress(range(rounds), "saving"),
    )
    terminal.wait("loading in a fresh process")
    loading = tuple(map(Times, fresh("loading", tour.file, rounds)["rounds"]))
    terminal.done()
    terminal.say()
    rows = []
    for what, (brinery_times, stock_times) in (("dumps", saving), ("loads", loading)):
        ratio = stock_times.median / brinery_times.median
        compared = f"{ratio:.2f}× as fast"
        rows.append((what, timed(brinery_times), timed(stock_times), compared))
        tour.row(f"{what}, protocol 5", seconds(brinery_times.median), seconds(stock_times.median), compared)
    terminal.table((f"CPU time, median of {rounds} rounds", "brinery", "pickle", "brinery is"), rows)
    tour.row(
        "size of the file",
        size(len(ours)),
        size(len(theirs)),
        "the same bytes" if ours == theirs else "NOT EQUAL",
    )


def timed(times: Times) -> str:
    """Return a median with its spread."""
    return f"{seconds(times.median)} ± {times.spread:.0%}"
