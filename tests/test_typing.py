"""What the type checkers believe holds at run time, too: the file that they check runs without an error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_what_is_typed_runs() -> None:
    subprocess.run([sys.executable, str(Path(__file__).parent / "typing" / "drop_in.py")], check=True)
