"""The pictures of the results: how many times as fast as the stock engine, on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benches.report import LOSS, compared, geometric, title
from benches.runner import DIRECTIONS
from benches.svg import Picture, Theme

WIDTH = 860
#: Where the panels begin: above them the headings, to their left the names.
TOP, LEFT, RIGHT, GAP = 96, 112, 20, 74


@dataclass(frozen=True)
class Axis:
    """A logarithmic scale between two places."""

    low: float
    high: float
    begins: float
    ends: float

    def place(self, ratio: float) -> float:
        """Return where a ratio stands."""
        share = math.log(ratio / self.low) / math.log(self.high / self.low)
        return self.begins + share * (self.ends - self.begins)

    def ticks(self) -> list[float]:
        """Return the powers of two on the scale."""
        first, last = math.ceil(math.log2(self.low)), math.floor(math.log2(self.high))
        return [2.0**power for power in range(first, last + 1)]


def families(found: dict[str, Any], theme: Theme) -> Picture:
    """Return a picture with a row for each family, a dot for each workload and the geometric means."""
    results = compared(found["results"])
    names = list(dict.fromkeys(row["workload"].partition(".")[0] for row in results))
    groups = [(name, [row for row in results if row["workload"].startswith(f"{name}.")]) for name in names]
    picture = _frame(found, theme, len(groups) + 1, row_height=30, left=LEFT)
    for column, way in enumerate(DIRECTIONS):
        axis = _axis(results, column, LEFT)
        _panel(picture, axis, way, len(groups) + 1, 30)
        for number, (name, members) in enumerate([*groups, ("all", results)]):
            y = TOP + number * 30 + 15
            if column == 0:
                picture.text(LEFT - 10, y + 4, name, theme.text, 13, "end", bold=name == "all")
            ratios = [row[way]["on"]["ratio"] for row in members]
            if name != "all":
                for row, ratio in zip(members, ratios):
                    about = f"{row['workload']} {ratio:.2f}×"
                    if ratio >= LOSS:
                        picture.dot(axis.place(ratio), y, 4, theme.gain, about, 0.45)
                for row, ratio in zip(members, ratios):
                    if ratio < LOSS:
                        about = f"{row['workload']} {ratio:.2f}×"
                        picture.diamond(axis.place(ratio), y, 4.5, theme.loss, about)
            mean = geometric(ratios)
            picture.line(axis.place(mean), y - 10, axis.place(mean), y + 10, theme.text, 2.5)
            picture.text(axis.ends + 8, y + 4, f"{mean:.2f}×", theme.text, 13, bold=name == "all")
    _legend(picture, picture.height - 16)
    return picture


def workloads(found: dict[str, Any], theme: Theme) -> Picture:
    """Return a picture with a row for each workload: its ratio and the quartiles."""
    results = compared(found["results"])
    height, left = 16, 236
    picture = _frame(found, theme, len(results), height, left)
    for column, way in enumerate(DIRECTIONS):
        axis = _axis(results, column, left)
        _panel(picture, axis, way, len(results), height)
        for number, row in enumerate(results):
            y = TOP + number * height + height / 2
            measured = row[way]["on"]
            ratio, (low, high) = measured["ratio"], measured["quartiles"]
            colour = theme.gain if ratio >= LOSS else theme.loss
            if column == 0:
                picture.text(left - 10, y + 4, row["workload"], theme.text, 11, "end")
            picture.line(axis.place(max(low, axis.low)), y, axis.place(min(high, axis.high)), y, colour, 1.5)
            about = f"{row['workload']} {ratio:.2f}×, quartiles {low:.2f} to {high:.2f}"
            if ratio >= LOSS:
                picture.dot(axis.place(ratio), y, 3.5, colour, about, 1)
            else:
                picture.diamond(axis.place(ratio), y, 4.5, colour, about)
            picture.text(axis.ends + 8, y + 4, f"{ratio:.2f}×", colour if ratio < LOSS else theme.text, 11)
    return picture


def _frame(found: dict[str, Any], theme: Theme, rows: int, row_height: int, left: int) -> Picture:
    height = TOP + rows * row_height + 62
    heading = "How many times as fast as CPython's pickle"
    picture = Picture(WIDTH, height, theme, f"{heading}; {title(found['about'])}")
    picture.text(20, 32, heading, theme.text, 18, bold=True)
    protocol, version = found["about"]["protocol"], found["about"]["brinery"]
    under = (
        f"brinery {version}, {title(found['about'])}, protocol {protocol}; medians of CPU time, collector on"
    )
    picture.text(20, 53, under, theme.muted, 12)
    for row in range(0, rows, 2):
        picture.rectangle(20, TOP + row * row_height, WIDTH - 20 - RIGHT, row_height, theme.band)
    return picture


def _axis(results: Sequence[dict[str, Any]], column: int, left: int) -> Axis:
    ratios = [row[way]["on"]["ratio"] for row in results for way in DIRECTIONS]
    width = (WIDTH - left - RIGHT - 2 * GAP + 18) / 2
    begins = left + 4 + column * (width + GAP)
    low, high = min(0.8, *ratios) / 1.08, max(2.1, *ratios) * 1.08
    return Axis(low, high, begins, begins + width)


def _panel(picture: Picture, axis: Axis, heading: str, rows: int, row_height: int) -> None:
    theme, bottom = picture.theme, TOP + rows * row_height
    picture.text(axis.begins, TOP - 14, heading, theme.text, 14, bold=True)
    wide = axis.ends - axis.begins
    ticks = axis.ticks()
    step = max(1, math.ceil(len(ticks) * 34 / wide))
    for tick in ticks:
        x = axis.place(tick)
        even = tick == 1
        picture.line(x, TOP, x, bottom, theme.muted if even else theme.grid, 1.5 if even else 1)
        if round(math.log2(tick)) % step == 0:
            picture.text(
                x, bottom + 18, f"{tick:g}×", theme.text if even else theme.muted, 11, "middle", bold=even
            )


def _legend(picture: Picture, y: float) -> None:
    theme = picture.theme
    picture.dot(26, y - 4, 4, theme.gain, opacity=0.6)
    picture.text(36, y, "a workload", theme.muted, 12)
    picture.diamond(116, y - 4, 4.5, theme.loss)
    picture.text(126, y, "a workload that is slower than pickle", theme.muted, 12)
    picture.line(360, y - 12, 360, y + 3, theme.text, 2.5)
    picture.text(368, y, "geometric mean", theme.muted, 12)
