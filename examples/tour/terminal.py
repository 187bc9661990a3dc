"""What the tour prints with: headings, facts, tables, a progress bar; colour only on a terminal."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TextIO, TypeVar

Item = TypeVar("Item")

STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def colourful(stream: TextIO) -> bool:
    """Say whether to colour what goes to `stream`."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def visible(text: str) -> int:
    """Return the width of `text` on the screen."""
    return len(ESCAPE.sub("", text))


class Terminal:
    """Results go to standard output, progress to standard error."""

    def __init__(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(errors="replace")  # a narrow encoding is no reason to stop
        self.colour = colourful(sys.stdout)
        self.width = min(shutil.get_terminal_size((100, 24)).columns, 120)

    def paint(self, style: str, text: object) -> str:
        """Return `text` in a style, or as it is where there is no colour."""
        return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if self.colour else str(text)

    def say(self, text: str = "") -> None:
        """Print one line."""
        print(text, flush=True)

    def heading(self, number: int, title: str) -> None:
        """Print the heading of a stop."""
        line = f"── {number} · {title} "
        self.say()
        self.say(self.paint("bold", line) + self.paint("dim", "─" * max(0, self.width - len(line))))

    def fact(self, name: str, value: object) -> None:
        """Print a name and a value."""
        self.say(f"   {self.paint('dim', f'{name:<22}')} {value}")

    def good(self, text: str) -> None:
        """Print something that holds."""
        self.say(f"   {self.paint('green', '✓')} {text}")

    def bad(self, text: str) -> None:
        """Print something that does not hold."""
        self.say(f"   {self.paint('red', '✗')} {text}")

    def quote(self, text: str, lines: int = 40) -> None:
        """Print the output of a program, indented, cut to the screen."""
        shown = text.rstrip().splitlines()
        for line in shown[:lines]:
            cut = line if visible(line) <= self.width - 5 else ESCAPE.sub("", line)[: self.width - 6] + "…"
            self.say(f"   {self.paint('dim', '│')} {cut}")
        if len(shown) > lines:
            self.say(f"   {self.paint('dim', f'│ … {len(shown) - lines:,} more lines')}")

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table: the first column to the left, the others to the right."""
        widths = [max(visible(row[i]) for row in [head, *rows]) for i in range(len(head))]

        def line(cells: Sequence[str]) -> str:
            padded = []
            for i, (cell, width) in enumerate(zip(cells, widths)):
                blank = " " * (width - visible(cell))
                padded.append(blank + cell if i else cell + blank)
            return "   " + "   ".join(padded)

        self.say(self.paint("dim", line(head)))
        for row in rows:
            self.say(line(row))

    def progress(self, items: Sequence[Item], label: str) -> Iterator[Item]:
        """Yield the items and show how far it is: a bar on a terminal, else a line at each quarter."""
        live = sys.stderr.isatty()
        total, began, shown, quarter = len(items), time.monotonic(), 0.0, 0
        for done, item in enumerate(items, 1):
            yield item
            now = time.monotonic()
            if live and (now - shown > 0.05 or done == total):
                shown = now
                self._bar(label, done, total, item)
            elif not live and done * 4 // total > quarter:
                quarter = done * 4 // total
                print(f"   {label}: {done}/{total}, {now - began:.1f} s", file=sys.stderr, flush=True)
        if live:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _bar(self, label: str, done: int, total: int, item: object) -> None:
        full = 30 * done // total
        bar = "━" * full + " " * (30 - full)
        if colourful(sys.stderr):
            bar = f"\x1b[36m{'━' * full}\x1b[0m\x1b[2m{'━' * (30 - full)}\x1b[0m"
        text = f"\r\x1b[K   {label} {bar} {done:>4}/{total}"
        what = f" {item[0]}" if isinstance(item, tuple) else ""
        sys.stderr.write(text + what if visible(text + what) < self.width else text)
        sys.stderr.flush()

    def wait(self, what: str) -> None:
        """Say what takes a moment now; on a terminal, `done` or the next bar takes the line away."""
        if sys.stderr.isatty():
            print(f"\r\x1b[K   {what} …", end="", file=sys.stderr, flush=True)
        else:
            print(f"   {what}", file=sys.stderr, flush=True)

    def done(self) -> None:
        """Take the line of `wait` away."""
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def seconds(value: float) -> str:
    """Return a duration for people."""
    if value >= 1:
        return f"{value:.2f} s"
    return f"{value * 1e3:.1f} ms" if value >= 1e-3 else f"{value * 1e6:.0f} µs"


def size(value: float) -> str:
    """Return a number of bytes for people."""
    for unit in ("B", "KiB", "MiB"):
        if abs(value) < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.2f} GiB"
