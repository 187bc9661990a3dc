"""The command line of the tour and the order of its stops."""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tour.terminal import Terminal, seconds

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Tour:
    """What the stops share: where to write, how much to do, and what the stops before found."""

    folder: Path
    quick: bool
    terminal: Terminal
    #: The native command line, if there is one besides that in the package.
    program: Path | None = None
    #: The index of the standard library, made by the first stop.
    index: object = None
    #: The file that brinery saved it to.
    file: Path | None = None
    #: The rows of the table at the end: what, brinery, stock, how they compare.
    summary: list[tuple[str, str, str, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def check(self, holds: bool, claim: str) -> None:
        """Print a claim with its verdict; the tour fails if one does not hold."""
        if holds:
            self.terminal.good(claim)
        else:
            self.terminal.bad(claim)
            self.failures.append(claim)

    def row(self, what: str, brinery: str, stock: str, compared: str = "") -> None:
        """Add a row to the table at the end."""
        self.summary.append((what, brinery, stock, compared))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tour; return 0 if all that it claims holds, 1 if not, 2 if it cannot run."""
    parser = argparse.ArgumentParser(prog="tour.py", description="The tour of brinery on real objects.")
    parser.add_argument("--quick", action="store_true", help="a few packages instead of the whole library")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "build" / "tour", help="where to write (%(default)s)"
    )
    parser.add_argument("--program", type=Path, help="the native command line (that of the package)")
    given = parser.parse_args(arguments)

    try:
        import brinery
    except ImportError as error:
        print(
            f"tour.py: brinery is not installed for {sys.executable} ({error}); `make demo` does it",
            file=sys.stderr,
        )
        return 2
    from tour.stops import STOPS

    given.folder.mkdir(parents=True, exist_ok=True)
    tour = Tour(given.folder, given.quick, Terminal(), given.program)
    terminal = tour.terminal
    began = time.monotonic()
    terminal.say(terminal.paint("bold", f"The tour of brinery {brinery.__version__}"))
    terminal.say(
        f"{platform.python_implementation()} {platform.python_version()} ({platform.python_compiler()}), "
        f"{platform.system()} {platform.machine()}"
    )
    for number, stop in enumerate(STOPS, 1):
        terminal.heading(number, stop.TITLE)
        stop.run(tour)

    terminal.heading(len(STOPS) + 1, "Summary")
    terminal.table(("", "brinery", "pickle", "brinery is"), tour.summary)
    terminal.say()
    terminal.say(f"   {seconds(time.monotonic() - began)}; the files are in {display(given.folder)}")
    for failure in tour.failures:
        print(f"tour.py: does not hold: {failure}", file=sys.stderr)
    return 1 if tour.failures else 0


def display(path: Path) -> str:
    """Return a path relative to the current folder where that is shorter."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
