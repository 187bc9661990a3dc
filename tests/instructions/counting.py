"""Counts the instructions of a path."""

from __future__ import annotations

import concurrent.futures
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from tests.instructions import valgrind
from tests.instructions.paths import PATHS

HERE = Path(__file__).resolve().parent
#: What both directions of a path are called in the records.
NAMES = [f"{name} {direction}" for name in PATHS for direction in ("dumps", "loads")]


class Failed(Exception):
    """A path that could not be counted, with what its process said."""


def interpreter() -> str:
    """Return what of an interpreter decides how many instructions it takes for the same work."""
    flags = " ".join(
        str(sysconfig.get_config_var(name) or "") for name in ("CONFIG_ARGS", "PY_CFLAGS_NODIST")
    )
    # Debian and those after it profile what they build, and have an installation scheme of their own.
    packaged = any(name.startswith("deb_") for name in sysconfig.get_scheme_names())
    optimised = packaged or "--enable-optimizations" in flags or "-fprofile-use" in flags
    compiler = " ".join(platform.python_compiler().split()[:2])
    return f"{platform.python_version()}, {compiler}, {'PGO' if optimised else 'no PGO'}"


def count_all() -> dict[str, dict[str, int]]:
    """Return the counts of all paths by name: of everything, and of the extension's own instructions."""
    command, variables = valgrind.found()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        counts = pool.map(lambda name: count(name, command, variables), NAMES)
        return dict(zip(NAMES, counts))


def count(name: str, command: list[str], variables: dict[str, str]) -> dict[str, int]:
    """Run a path under callgrind, with addresses and hashes that are the same each time."""
    import brinery

    site = Path(brinery.__file__).resolve().parents[1]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind.out"
        done = subprocess.run(
            [
                *fixed_addresses(),
                *command,
                "--tool=callgrind",
                "--toggle-collect=ffi_call",
                "--compress-strings=no",
                "--compress-pos=no",
                f"--callgrind-out-file={out}",
                *(sys.executable, "-S", "-s", "-B", HERE / "worker.py", site, *name.split()),
            ],
            # The same environment everywhere: what is in it lies in the memory whose addresses are hashed.
            env={"PATH": "/usr/bin:/bin", "PYTHONHASHSEED": "0", **variables},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise Failed(f"{name}: {done.stderr.strip()[-1000:]}")
        counts = read(out.read_text(encoding="utf-8", errors="replace"))
    if not counts["own"]:
        raise Failed(f"{name}: callgrind saw nothing of the extension")
    return counts


def read(text: str) -> dict[str, int]:
    """Return the instructions in a callgrind file, and those of them in the extension itself."""
    counts = {"all": 0, "own": 0}
    own = call = False
    for line in text.splitlines():
        if line.startswith("ob="):
            own = "_brinery" in line
        elif line.startswith("calls="):
            call = True
        elif re.match(r"[+*\d-]", line):
            if not call:
                cost = int((line.split() + ["0"])[1])
                counts["all"] += cost
                counts["own"] += cost if own else 0
            call = False
    return counts


def fixed_addresses() -> list[str]:
    """Return the command in front of another that loads it at the same addresses each time, where one may."""
    command = ["setarch", platform.machine(), "-R"]
    if shutil.which("setarch") and not subprocess.run([*command, "true"], capture_output=True).returncode:
        return command
    return []
