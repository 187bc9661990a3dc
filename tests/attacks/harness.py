"""Trying attacks in throwaway processes."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["POLICIES", "prove", "refuse"]

ROOT = Path(__file__).resolve().parents[2]
POLICIES = ["data", "stdlib", "stdlib|numpy|pandas|sklearn|torch"]


def _run(job: dict[str, object]) -> list[dict[str, object]]:
    environ = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PYTHONHASHSEED": "random",
    }
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "tests.attacks.child"],
            input=json.dumps(job).encode(),
            capture_output=True,
            cwd=folder,
            env=environ,
            timeout=600,
            check=False,
        )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    results: list[dict[str, object]] = json.loads(done.stdout.decode().splitlines()[-1])
    return results


def prove(attacks: dict[str, bytes], *, programs: bool = False) -> None:
    """Make sure that each attack has its effect on the stock engine."""
    names = list(attacks)
    job: dict[str, object] = {
        "engine": "stock",
        "attacks": [base64.b64encode(attacks[name]).decode() for name in names],
        "programs": programs,
    }
    for name, result in zip(names, _run(job)):
        assert result["effect"], f"{name} does nothing to the stock engine: {result}"


def refuse(
    attacks: dict[str, bytes],
    policies: list[str] | None = None,
    prefix: str = "",
    *,
    programs: bool = False,
) -> None:
    """Make sure that each attack is refused under each policy, and has no effect whatever."""
    names = list(attacks)
    job: dict[str, object] = {
        "engine": "brinery",
        "attacks": [base64.b64encode(attacks[name]).decode() for name in names],
        "policies": POLICIES if policies is None else policies,
        "prefix": prefix,
        "programs": programs,
    }
    for name, result in zip(names, _run(job)):
        assert not result["effect"], f"{name} has an effect: {result}"
        assert result["outcomes"] == ["PolicyError"] * len(job["policies"]), f"{name}: {result}"  # type: ignore[arg-type]
        assert not result["imported"], f"{name} has something imported: {result}"
