"""Identity, and no crash, where hooks change what is being saved; see the package `adversarial`.

``python -m tests.identity.adversarial --seconds 600`` goes on for longer; a failure names its case, which ``--seed CASE --cases 1``
runs alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CASES = 1500
SEED = 1


def test_adversarial_cases(tmp_path: Path) -> None:
    progress = tmp_path / "progress"
    environment = dict(os.environ)
    # Freed memory is overwritten: whoever still uses it crashes. A sanitizer has an allocator of its own.
    environment.setdefault("PYTHONMALLOC", "debug")
    command = [sys.executable, "-m", "tests.identity.adversarial", "--cases", str(CASES), "--seed", str(SEED)]
    done = subprocess.run(
        [*command, "--progress", str(progress)],
        cwd=Path(__file__).parents[2],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, f"case {int(progress.read_text())}: {done.stdout}"
    print(done.stdout)
