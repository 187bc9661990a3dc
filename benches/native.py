"""The table of the Rust side, from what ``benches/rust`` measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benches import report

#: The peers, in the order of their columns.
PEERS = ("serde-pickle", "rmp-serde", "serde_json", "memcpy")
#: What the first part of a workload's name means.
WAYS = {
    "read": "into typed structs that own what they hold",
    "borrow": "into typed structs that borrow from the input",
    "value": "into a value that holds anything",
    "decode": "opcodes, decoded one by one",
    "scan": "the machine without building values",
    "write": "from typed structs",
}
#: Above this, in bytes a second, only lengths are looked at and nothing is read: a speed says nothing.
UNREAD = 1e12


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows as a Markdown table: how many times as long as brinery a peer takes."""
    lines = []
    for name in dict.fromkeys(row["name"] for row in rows):
        sides = [row for row in rows if row["name"] == name]
        ours, again, *others = sides
        peers = {row["side"]: row["ratio"] for row in others}
        seconds = ours["seconds"][1]
        speed = ours["size"] / seconds
        cells = [name, report.size(ours["size"]), report.duration(seconds)]
        cells.append(f"{speed / 1e9:.2f}" if speed < UNREAD else "unread")
        cells.append(f"{again['ratio'][0]:.2f}–{again['ratio'][2]:.2f}")
        cells += [ratio(peers[peer]) if peer in peers else "–" for peer in PEERS]
        lines.append(cells)
    head = ["workload", "pickle", "brinery", "GB/s", "A/A", *PEERS]
    ways = "\n".join(f"- `{way}`: {about}" for way, about in WAYS.items())
    return f"{ways}\n\n" + report.table(head, lines)


def ratio(quartiles: Sequence[float]) -> str:
    """Return a ratio with its quartiles, marked where the peer is faster."""
    low, median, high = quartiles
    written = f"{median:.2f}×" if median >= report.LOSS else f"**▼ {median:.2f}×**"
    return f"{written} ({low:.2f}–{high:.2f})"
