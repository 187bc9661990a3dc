"""Loads under policies of random and damaged pickles, with the allocator as it is and with one that shows misuse."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("allocator", ["default", "debug"])
def test_loads_under_policies_make_what_other_loads_make(allocator: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.policy.fuzz", "--inputs", "4000", "--seed", "1"],
        env={**os.environ, "PYTHONMALLOC": allocator},
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stdout + done.stderr
