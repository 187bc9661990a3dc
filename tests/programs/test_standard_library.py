"""Programs on top of multiprocessing, concurrent.futures, shelve, logging and sqlite3."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from .harness import run_both

start_methods = pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())


@start_methods
def test_multiprocessing(method: str, tmp_path: Path) -> None:
    out = run_both("multiprocess.py", method, tmp_path=tmp_path, processes=10)
    assert "TaskError" in out


@start_methods
def test_process_pool_executor(method: str, tmp_path: Path) -> None:
    out = run_both("executors.py", method, tmp_path=tmp_path, processes=3)
    assert "100 150\n" in out
    assert "BrokenProcessPool\n" in out


def test_shelve(tmp_path: Path) -> None:
    out = run_both("shelves.py", tmp_path=tmp_path, processes=3)
    assert "changed in place" in out


def test_logging_over_a_socket(tmp_path: Path) -> None:
    out = run_both("logging_socket.py", tmp_path=tmp_path, processes=4)
    assert out.count("it went wrong") == 3


def test_sqlite3_as_a_store(tmp_path: Path) -> None:
    run_both("sqlite_store.py", tmp_path=tmp_path, processes=2)
    databases = [(tmp_path / folder / "experiments.sqlite").read_bytes() for folder in ("stock", "engine")]
    assert databases[0] == databases[1]
