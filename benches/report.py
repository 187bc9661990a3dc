"""The table of the results."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence


def table(results: Sequence[dict]) -> str:
    """Return the results as a Markdown table, the geometric means at its end."""
    rows = [row(result) for result in results]
    for direction in sorted({result["direction"] for result in results}):
        found = [result for result in results if result["direction"] == direction]
        mean = geometric(result["ratio"] for result in found)
        noise = geometric(result["noise"] for result in found)
        lost = sum(result["ratio"] < 0.95 for result in found)
        what = f"**geometric mean of {len(found)}**"
        rows.append((what, direction, "", "", f"**{mean:.2f}×**", f"{lost} slower", f"{noise:.2f}×", ""))
    head = ("workload", "", "brinery", "pickle", "faster by", "quartiles", "A/A", "bytes")
    widths = [max(len(cells[i]) for cells in [head, *rows]) for i in range(len(head))]
    lines = [line(head, widths), "|" + "|".join(rule(i, width) for i, width in enumerate(widths)) + "|"]
    return "\n".join(lines + [line(cells, widths) for cells in rows]) + "\n"


def row(result: dict) -> tuple[str, ...]:
    """Return the cells of one workload."""
    low, high = result["quartiles"]
    noise = result["noise quartiles"]
    equal = {True: "equal", False: "NOT EQUAL", None: "unordered"}[result["equal"]]
    direction = result["direction"] + (", gc off" if result["gc"] == "off" else "")
    return (
        result["workload"],
        direction,
        duration(result["brinery"]),
        duration(result["pickle"]),
        f"{result['ratio']:.2f}×",
        f"{low:.2f}–{high:.2f}",
        f"{noise[0]:.2f}–{noise[1]:.2f}",
        equal,
    )


def line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return a row, the first two columns to the left."""
    padded = (
        cell.ljust(width) if i < 2 else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(cells, widths))
    )
    return "| " + " | ".join(padded) + " |"


def rule(column: int, width: int) -> str:
    """Return the line under a heading."""
    return "-" * (width + 2) if column < 2 else "-" * (width + 1) + ":"


def geometric(values: Iterable[float]) -> float:
    """Return the geometric mean."""
    logs = [math.log(value) for value in values]
    return math.exp(sum(logs) / len(logs))


def duration(seconds: float) -> str:
    """Return a duration for people."""
    for unit, scale in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"
