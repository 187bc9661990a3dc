"""The tables of the results, in Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from benches.runner import DIRECTIONS
from benches.sides import PEERS

#: A ratio below this is a loss; the small rest of a loss is the noise of measuring.
LOSS = 0.95


def title(about: dict[str, Any]) -> str:
    """Return the interpreter in a line."""
    how = "with" if about["optimised"] else "without"
    whose = f"{about['packaged']}'s " if about.get("packaged") else ""
    return f"{whose}CPython {about['version']} {how} profile-guided optimisation"


def compared(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the workloads that could be compared."""
    return [row for row in results if all("on" in row.get(way, {}) for way in DIRECTIONS)]


def summary(results: Sequence[dict[str, Any]]) -> str:
    """Return the means of the families and of all."""
    rows = []
    found = compared(results)
    families = list(dict.fromkeys(row["workload"].partition(".")[0] for row in found))
    for family in families:
        members = [row for row in found if row["workload"].startswith(f"{family}.")]
        rows.append([family, str(len(members)), *_means(members), *_slowest(members)])
    rows.append(["**all**", str(len(found)), *(f"**{mean}**" for mean in _means(found)), *_slowest(found)])
    noise = [f"{geometric(row[way]['on']['noise'] for row in found):.2f}×" for way in DIRECTIONS]
    rows.append(["A/A: the stock engine against itself", str(len(found)), *noise, "", ""])
    return table(
        ["family", "workloads", "dumps", "loads", "slowest dumps", "slowest loads"], rows, left=(0, 4, 5)
    )


def _means(rows: Sequence[dict[str, Any]]) -> list[str]:
    return [f"{geometric(row[way]['on']['ratio'] for row in rows):.2f}×" for way in DIRECTIONS]


def _slowest(rows: Sequence[dict[str, Any]]) -> list[str]:
    cells = []
    for way in DIRECTIONS:
        worst = min(rows, key=lambda row: row[way]["on"]["ratio"])
        cells.append(f"{_ratio(worst[way]['on']['ratio'])} {short(worst)}")
    return cells


def losses(results: Sequence[dict[str, Any]]) -> str:
    """Return a list of what is slower than the stock engine."""
    lines = []
    for way in DIRECTIONS:
        lost = sorted(
            (row[way]["on"]["ratio"], row["workload"])
            for row in compared(results)
            if row[way]["on"]["ratio"] < LOSS
        )
        named = ", ".join(f"{name} {ratio:.2f}×" for ratio, name in lost)
        lines.append(f"- slower at `{way}` ({len(lost)}): {named or 'none'}")
    missing = [f"{row['workload']} ({', '.join(row['missing'])})" for row in results if "missing" in row]
    if missing:
        lines.append(f"- **not measured, library missing**: {', '.join(missing)}")
    refused = [row["workload"] for row in results if "stock cannot" in row]
    if refused:
        lines.append(f"- not compared, the stock engine raises RecursionError: {', '.join(refused)}")
    return "\n".join(lines) + "\n"


def speed(results: Sequence[dict[str, Any]]) -> str:
    """Return the times and ratios of all workloads, the geometric means at the end."""
    head = ["workload", "size"]
    for way in DIRECTIONS:
        head += [way, "faster by", "quartiles", "A/A", "gc off"]
    rows = []
    for row in results:
        cells = [row["workload"]]
        if "missing" in row or "stock cannot" in row:
            what = f"missing: {', '.join(row['missing'])}" if "missing" in row else "stock: RecursionError"
            rows.append([*cells, what, *["–"] * 10])
            continue
        cells.append(size(row["dumps"]["bytes"]))
        for way in DIRECTIONS:
            on, off = row[way]["on"], row[way]["off"]
            cells += [duration(on["brinery"]), _ratio(on["ratio"]), _span(on["quartiles"])]
            cells += [_span(on["noise quartiles"]), _ratio(off["ratio"])]
        rows.append(cells)
    found = compared(results)
    if found:
        cells = [f"**geometric mean of {len(found)}**", ""]
        for way in DIRECTIONS:
            on, off = (geometric(row[way][gc]["ratio"] for row in found) for gc in ("on", "off"))
            noise = geometric(row[way]["on"]["noise"] for row in found)
            cells += ["", f"**{on:.2f}×**", "", f"{noise:.2f}", f"**{off:.2f}×**"]
        rows.append(cells)
    return table(head, rows)


def memory(results: Sequence[dict[str, Any]]) -> str:
    """Return what operations keep and need, where it is large enough to be seen."""
    head = [
        "workload",
        "kept by loads",
        "of stock's",
        "peak of loads",
        "of stock's",
        "peak of dumps",
        "of stock's",
    ]
    rows, shares = [], ([], [], [])
    for row in compared(results):
        cells = []
        for column, (way, what) in enumerate((("loads", "kept"), ("loads", "peak"), ("dumps", "peak"))):
            found = row[way].get("memory", {})
            ours, theirs = (found.get(side, {}).get(what) for side in ("brinery", "pickle"))
            if ours is None or not theirs:
                cells += [size(ours), "–"]
            else:
                cells += [size(ours), f"{ours / theirs:.2f}×"]
                shares[column].append(ours / theirs)
        if any(cell != "–" for cell in cells):
            rows.append([row["workload"], *cells])
    mean = ["**geometric mean**"]
    for found in shares:
        mean += ["", f"**{geometric(found):.2f}×**" if found else "–"]
    return table(head, [*rows, mean])


def peers(results: Sequence[dict[str, Any]]) -> str:
    """Return how many times as fast as the stock engine brinery and the peers are."""
    head = ["workload", *(f"{way}: {name}" for way in DIRECTIONS for name in ("brinery", *PEERS))]
    rows = []
    for row in compared(results):
        if not any(row[way].get("peers") for way in DIRECTIONS):
            continue
        cells = [row["workload"]]
        for way in DIRECTIONS:
            others = row[way].get("peers", {})
            cells.append(_ratio(row[way]["on"]["ratio"]))
            cells += [f"{others[name]:.2f}×" if name in others else "–" for name in PEERS]
        rows.append(cells)
    return table(head, rows) if rows else ""


def table(head: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> str:
    """Return a Markdown table, its columns aligned in the text too."""
    widths = [max(len(cells[i]) for cells in [head, *rows]) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = (c.ljust(w) if i in left else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths)))
        return "| " + " | ".join(padded) + " |"

    rule = "|".join("-" * (w + 2) if i in left else "-" * (w + 1) + ":" for i, w in enumerate(widths))
    return "\n".join([line(head), f"|{rule}|", *map(line, rows)]) + "\n"


def short(row: dict[str, Any]) -> str:
    """Return the name of a workload without its family."""
    return row["workload"].partition(".")[2]


def _ratio(ratio: float) -> str:
    return f"{ratio:.2f}×" if ratio >= LOSS else f"**▼ {ratio:.2f}×**"


def _span(quartiles: Sequence[float]) -> str:
    return f"{quartiles[0]:.2f}–{quartiles[1]:.2f}"


def geometric(values: Iterable[float]) -> float:
    """Return the geometric mean."""
    logs = [math.log(value) for value in values]
    return math.exp(sum(logs) / len(logs)) if logs else math.nan


def duration(seconds: float) -> str:
    """Return a duration for people."""
    for unit, scale in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def size(count: float | None) -> str:
    """Return a number of bytes for people."""
    if count is None:
        return "–"
    for unit, scale in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count:.0f} B"
