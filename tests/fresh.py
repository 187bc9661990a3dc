"""Checks that need an interpreter of their own, because of what they import, install or break."""

from __future__ import annotations

import functools
import inspect
import subprocess
import sys
import textwrap
from collections.abc import Callable


def in_fresh_interpreter(check: Callable[[], None]) -> Callable[[], None]:
    """Turn a function into a test that runs its source, and nothing else, in a new interpreter."""
    source = textwrap.dedent(inspect.getsource(check))
    source = source[source.index("def ") :]

    @functools.wraps(check)
    def test() -> None:
        script = f"{source}\n\n{check.__name__}()\n"
        done = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}{done.stderr}"

    return test
