"""Print the CPython interpreters of this machine, one path for each minor version, oldest first.

Looked at in this order, the first of a minor version counts: the interpreter running this script, those named
in the variable PYTHONS (separated by spaces), python3.X on PATH, and the versions that pyenv keeps.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

SUPPORTED = [(3, minor) for minor in range(9, 14)]
ASK = (
    "import sys; print(sys.implementation.name, *sys.version_info[:2]); "
    "print(getattr(sys, '_base_executable', None) or sys.executable)"
)


def candidates() -> list[str]:
    """Return commands that may be interpreters, the preferred ones first."""
    found = [sys.executable, *os.environ.get("PYTHONS", "").split()]
    names = ["python3", *(f"python{major}.{minor}" for major, minor in SUPPORTED)]
    for folder in os.get_exec_path():
        found += [path for name in names if (path := shutil.which(name, path=folder))]
    root = os.environ.get("PYENV_ROOT")
    if not root and shutil.which("pyenv"):
        root = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=False).stdout.strip()
    if root:
        found += sorted(map(str, Path(root).glob("versions/*/bin/python")), reverse=True)
    return found


def identify(command: str) -> tuple[tuple[int, int], str] | None:
    """Return the minor version and the real path behind a command, or None if it is no CPython."""
    try:
        answer = subprocess.run([command, "-c", ASK], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    facts, path = answer.stdout.splitlines()
    name, major, minor = facts.split()
    return ((int(major), int(minor)), path) if name == "cpython" else None


def main() -> None:
    """Print the interpreters, or only that of the minor version given as an argument."""
    wanted = [tuple(map(int, argument.split("."))) for argument in sys.argv[1:]] or SUPPORTED
    found: dict[tuple[int, int], str] = {}
    for command in dict.fromkeys(candidates()):
        if identity := identify(command):
            found.setdefault(*identity)
    for version in wanted:
        if version in found:
            print(found[version])


if __name__ == "__main__":
    main()
