"""Looks into the file with the native command line; nothing that the file names is imported or run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tour.program import ROOT, Tour, display

TITLE = "A look into the file, without running anything that it names"


def run(tour: Tour) -> None:
    """Run ``brinery stat`` and ``brinery show`` on the file."""
    command, name = program()
    for arguments in (("stat",), ("show", "--depth", "3", "--width", str(tour.terminal.width - 6))):
        tour.terminal.say(
            f"   {tour.terminal.paint('cyan', '$')} {' '.join([name, *arguments, display(tour.file)])}"
        )
        done = subprocess.run(
            [*command, *arguments, str(tour.file)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=environment(),
        )
        tour.terminal.quote(done.stdout, lines=24)
        tour.terminal.say()
        if done.returncode:
            tour.terminal.quote(done.stderr)
            tour.check(False, f"brinery {arguments[0]} reads the file")


def program() -> tuple[list[str], str]:
    """Return the native program where one was built beside this checkout, else the one inside the package."""
    suffix = ".exe" if os.name == "nt" else ""
    for profile in ("dist", "release"):
        native = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / profile / f"brinery{suffix}"
        if native.is_file():
            return [str(native)], display(native)
    return [sys.executable, "-m", "brinery"], "python -m brinery"


def environment() -> dict[str, str]:
    """Return the environment without what would colour or widen captured output."""
    return {**os.environ, "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
