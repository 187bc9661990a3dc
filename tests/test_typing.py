"""What the type checkers believe holds at run time, too: the file that they check runs without an error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("name", ["drop_in.py", "sealing.py"])
def test_what_is_typed_runs(name: str) -> None:
    subprocess.run([sys.executable, str(Path(__file__).parent / "typing" / name)], check=True)
