"""The gate does what it is for: it sees a slow-down, and says when it sees nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.instructions import counting, gate, valgrind

RECORD = {"ints dumps": {"all": 1000, "own": 400}}


@pytest.mark.parametrize(("now", "passed"), [(1000, True), (1049, True), (1052, False), (500, True)])
def test_only_more_instructions_than_the_tolerance_allows_fail(now: int, passed: bool) -> None:
    assert gate.compare({"ints dumps": {"all": now, "own": 0}}, RECORD, "all")[1] is passed


def test_a_gain_asks_for_a_new_record() -> None:
    lines, _ = gate.compare({"ints dumps": {"all": 900, "own": 0}}, RECORD, "all")
    assert "record anew" in lines[0]


@pytest.mark.parametrize("counts", [{}, {**RECORD, "other loads": {"all": 1, "own": 1}}])
def test_paths_and_records_must_be_the_same(counts: gate.Counts) -> None:
    assert not gate.compare(counts, RECORD, "all")[1]


def test_another_build_of_the_same_python_compares_what_is_its_own() -> None:
    records = {"3.11.7, GCC 12, no PGO": RECORD}
    assert gate.chosen("3.11.7, GCC 12, no PGO", records) == ("3.11.7, GCC 12, no PGO", "all")
    assert gate.chosen("3.11.2, GCC 12, PGO", records) == ("3.11.7, GCC 12, no PGO", "own")
    assert gate.chosen("3.12.0, GCC 12, no PGO", records) is None


def test_every_path_is_recorded() -> None:
    assert len(counting.NAMES) == 20
    for record in gate.recorded().values():
        assert sorted(record) == sorted(counting.NAMES)


def test_what_a_callgrind_file_says() -> None:
    text = "ob=/x/_brinery.so\nfn=a\n3 10\ncfn=b\ncob=/y/python\ncalls=2 0\n4 500\n5 1\nob=/y/python\nfn=b\n7 500\n"
    assert counting.read(text) == {"all": 511, "own": 11}


def test_without_valgrind_it_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(valgrind, "FETCHED", tmp_path)
    monkeypatch.setattr(valgrind.shutil, "which", lambda name: None)
    with pytest.raises(valgrind.Unavailable, match="not installed"):
        valgrind.found()
    failing = subprocess.CompletedProcess([], 1, "", "no such tool")
    monkeypatch.setattr(valgrind.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(valgrind.subprocess, "run", lambda *args, **kwargs: failing)
    with pytest.raises(valgrind.Unavailable, match="does not run"):
        valgrind.found()
