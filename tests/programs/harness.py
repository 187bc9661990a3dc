"""Running a program both ways."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
APPS = HERE / "apps"


def run(args: list[str], *, cwd: Path, engine: bool, processes: int = 1, timeout: float = 100) -> str:
    """Run a Python command line and return its output.

    On the engine, every process of the program must be on it, and there must be at least as many as said.
    """
    # Order that comes from hashes must not differ between two runs, nor colours from where they are made.
    environ = {
        **{name: value for name, value in os.environ.items() if name != "FORCE_COLOR"},
        "NO_COLOR": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONWARNINGS": "ignore",
        "SOURCE_DATE_EPOCH": "1000000000",
    }
    record = cwd / "engine-record"
    command = [sys.executable]
    if engine:
        record.unlink(missing_ok=True)
        paths = [str(HERE / "guard"), *filter(None, [os.environ.get("PYTHONPATH")])]
        environ.update(ENGINE_RECORD=str(record), PYTHONPATH=os.pathsep.join(paths))
        command += ["-m", "brinery", "run"]
    done = subprocess.run(
        [*command, *args],
        cwd=cwd,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    if engine:
        # The last word of each process counts: the first interpreter is there to start the program only.
        engines = dict(line.split() for line in record.read_text().splitlines())
        assert set(engines.values()) == {"brinery"}, engines
        assert len(engines) >= processes, engines
    return done.stdout


def run_both(app: str, *args: str, tmp_path: Path, processes: int = 1) -> str:
    """Run a program of `apps` both ways, each in a folder of its own; return the output of both."""
    outputs = []
    for engine in (False, True):
        cwd = tmp_path / ("engine" if engine else "stock")
        cwd.mkdir(exist_ok=True)
        outputs.append(run([str(APPS / app), *args], cwd=cwd, engine=engine, processes=processes))
    assert outputs[0] == outputs[1]
    assert outputs[0].endswith("done\n"), outputs[0]
    return outputs[0]
