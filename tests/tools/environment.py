"""Make the virtual environment that the tests of one interpreter run in.

Usage: environment.py FOLDER REQUIREMENTS...

Run by the interpreter in question. Where a distribution split ``ensurepip`` off, the interpreter's own pip
serves.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path


def run(*command: object) -> None:
    """Run a command; its failure ends this script."""
    print("+", *command, flush=True)
    subprocess.run(list(map(str, command)), check=True)


def create(folder: Path) -> Path:
    """Create the environment with pip in it and return its interpreter."""
    shutil.rmtree(folder, ignore_errors=True)
    python = folder / "bin" / "python"
    if importlib.util.find_spec("ensurepip"):
        run(sys.executable, "-m", "venv", folder)
    else:
        run(sys.executable, "-m", "venv", "--without-pip", folder)
        run(sys.executable, "-m", "pip", "--python", python, "install", "-q", "pip")
    return python


def main() -> None:
    """Make the environment and install the requirement files in it."""
    python = create(Path(sys.argv[1]))
    requirements = [part for file in sys.argv[2:] for part in ("-r", file)]
    run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *requirements)


if __name__ == "__main__":
    main()
