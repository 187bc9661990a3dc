"""The benchmarks run, and what they measure is equal work: the same bytes, and objects that load."""

from __future__ import annotations

import _pickle
import json
import subprocess
import sys
from pathlib import Path

import pytest

import brinery
from benches.workloads import WORKLOADS

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("name", WORKLOADS)
def test_both_engines_do_the_same_work(name: str) -> None:
    obj = WORKLOADS[name]()
    data = _pickle.dumps(obj, 5)
    assert brinery.dumps(obj, 5) == data
    assert _pickle.dumps(brinery.loads(data), 5) == _pickle.dumps(_pickle.loads(data), 5)


def test_the_command_prints_a_table_and_keeps_the_numbers(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "benches", "messages.o*", "--rounds", "2", "--folder", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert "messages.one_int" in run.stdout
    assert "geometric mean of 2" in run.stdout
    assert (tmp_path / "results.md").read_text(encoding="utf-8") == run.stdout
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert {(result["workload"], result["direction"]) for result in results} == {
        (workload, direction)
        for workload in ("messages.one_int", "messages.one_instance")
        for direction in ("dumps", "loads")
    }
    assert all(result["brinery"] > 0 and result["equal"] for result in results)


def test_an_unknown_workload_gets_one_line() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "benches", "nothing.*"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 2
    assert run.stderr.splitlines()[-1].endswith("no workload is called nothing.*; --list names them")
