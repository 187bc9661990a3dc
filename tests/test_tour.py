"""The tour (``make demo``) runs, holds what it claims, and can be run again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOUR = Path(__file__).resolve().parents[1] / "examples" / "tour.py"


def tour(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(TOUR), *arguments],
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    folder = tmp_path_factory.mktemp("tour")
    first = tour("--quick", "--folder", str(folder))
    assert first.returncode == 0, first.stdout + first.stderr
    again = tour("--quick", "--folder", str(folder))
    assert sorted(file.name for file in folder.iterdir()) == [
        "honest.save",
        "hostile.save",
        "index.grown.pickle",
        "index.pickle",
        "index.stock.pickle",
    ]
    return again


def test_all_claims_hold(run: subprocess.CompletedProcess[str]) -> None:
    assert run.returncode == 0, run.stdout + run.stderr
    assert "✗" not in run.stdout
    for claim in (
        "the two files are equal, byte for byte",
        "cycles and shared references are as they were",
        "each error names offset, opcode and path",
        "the hostile game is dangerous",
        "the hostile game is refused, and nothing of it has run",
        "the honest game is opened by its type",
        "the stock module runs what the hostile game names",
    ):
        assert f"✓ {claim}" in run.stdout


def test_output_in_a_log_is_plain(run: subprocess.CompletedProcess[str]) -> None:
    assert "\x1b" not in run.stdout + run.stderr
    assert "\r" not in run.stdout + run.stderr
    assert "parsing" in run.stderr, "progress goes to standard error"
    assert "Traceback" not in run.stdout + run.stderr


def test_every_stop_has_its_heading(run: subprocess.CompletedProcess[str]) -> None:
    stops = (TOUR.parent / "tour" / "stops").glob("[!_]*.py")
    headings = [line for line in run.stdout.splitlines() if line.startswith("── ")]
    assert len(headings) == len(list(stops)) + 1, "one a stop, and the summary"


def test_without_brinery_it_says_so(tmp_path: Path) -> None:
    missing = tmp_path / "brinery.py"
    missing.write_text("raise ImportError('not here')\n", encoding="utf-8")
    run = tour("--quick", PYTHONPATH=str(tmp_path))
    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
    assert "make demo" in run.stderr
