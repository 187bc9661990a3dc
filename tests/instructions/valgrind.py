"""Finds valgrind; where there is none but a Debian or Ubuntu with its archive, fetches it without being root."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FETCHED = ROOT / "build" / "valgrind"


class Unavailable(Exception):
    """Why there is no valgrind."""


def found() -> tuple[list[str], dict[str, str]]:
    """Return the command and the environment variables that it needs."""
    if path := shutil.which("valgrind"):
        return works([path], {})
    program = FETCHED / "usr" / "bin" / "valgrind.bin"
    if not program.exists():
        fetch()
    library = next(FETCHED.glob("usr/lib*/**/callgrind-*-linux"), None)
    if library is None:
        raise Unavailable("the package of the archive has no callgrind")
    return works([str(program)], {"VALGRIND_LIB": str(library.parent)})


def works(command: list[str], variables: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """Return the command if it can run a program."""
    done = subprocess.run(
        [*command, "--tool=callgrind", "--callgrind-out-file=/dev/null", "/bin/true"],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise Unavailable(f"{command[0]} does not run: {done.stderr.strip()[-300:]}")
    return command, variables


def fetch() -> None:
    """Unpack the archive's package into the build folder."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Unavailable("valgrind is not installed, and this is not Debian or Ubuntu")
    FETCHED.mkdir(parents=True, exist_ok=True)
    commands = [["apt-get", "download", "valgrind"]]
    if os.geteuid() == 0:
        commands.insert(0, ["apt-get", "update"])
    for command in commands:
        print("+", *command, flush=True)
        done = subprocess.run(command, cwd=FETCHED, capture_output=True, text=True, timeout=300)
    packages = sorted(FETCHED.glob("valgrind_*.deb"))
    if done.returncode or not packages:
        raise Unavailable(
            f"valgrind is not installed, and apt-get cannot fetch it: {done.stderr.strip()[-300:]}"
        )
    subprocess.run(["dpkg-deb", "-x", str(packages[-1]), str(FETCHED)], check=True)
