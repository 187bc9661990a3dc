"""Looks into the file with the native command line; nothing that the file names is imported or run."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

from tour.program import Tour, display

#: A part of the index: the signature of json.dumps.
PART = 'obj.modules["json"].members["dumps"].signature'

TITLE = "A look into the file, without running anything that it names"


def run(tour: Tour) -> None:
    """Run ``brinery stat`` and ``brinery show`` on the file."""
    terminal = tour.terminal
    name = "brinery" if tour.program else "python -m brinery"
    width = str(terminal.width - 6)
    for arguments in (
        ["stat", "--top", "4"],
        ["show", "--depth", "2", "--max-items", "5", "--width", width],
        ["show", "--depth", "3", "--max-items", "4", "--path", PART],
    ):
        terminal.say(
            f"   {terminal.paint('cyan', '$')} {name} {shlex.join([*arguments, display(tour.file)])}"
        )
        done = subprocess.run(
            [*command(tour), *arguments, str(tour.file)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=environment(),
        )
        terminal.quote(done.stdout, lines=44)
        terminal.say()
        if done.returncode or not done.stdout:
            terminal.quote(done.stderr)
            tour.check(False, f"brinery {arguments[0]} reads the file")


def command(tour: Tour) -> list[str]:
    """Return how the command line is run: the native program if there is one, else that in the package."""
    return [str(tour.program)] if tour.program else [sys.executable, "-m", "brinery"]


def environment() -> dict[str, str]:
    """Return the environment without what would colour or widen captured output."""
    return {**os.environ, "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
