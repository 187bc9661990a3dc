"""The benchmarks run, and what they measure is equal work: the same bytes, and objects that load."""

from __future__ import annotations

import _pickle
import json
import subprocess
import sys
import threading
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import brinery
from benches import alike, heap, native, pages, plot, report, runner, scanners
from benches.svg import LIGHT
from benches.workloads import WORKLOADS

ROOT = Path(__file__).resolve().parents[1]


def with_a_deep_stack(check: Callable[[], None]) -> None:
    """Run a check where the stock engine can go 10,000 deep."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            check()
        except BaseException as error:
            raised.append(error)

    before, limit = threading.stack_size(768 << 20), sys.getrecursionlimit()
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
        sys.setrecursionlimit(limit)
    if raised:
        raise raised[0]


@pytest.mark.parametrize("name", WORKLOADS)
def test_both_engines_do_the_same_work(name: str) -> None:
    workload = WORKLOADS[name]
    if workload.missing():
        pytest.skip(f"missing: {', '.join(workload.missing())} (benches/requirements.txt)")

    def check() -> None:
        obj = workload.make()
        (dumps, _), (ours, loads), (again, stock_loads) = map(workload.way, (_pickle, brinery, _pickle))
        try:
            data = dumps(obj, 5)
        except RecursionError:
            assert sys.version_info >= (3, 12)  # whose limit of the C stack nobody can raise
            return
        assert ours(obj, 5) == data
        assert again(loads(data), 5) == ours(stock_loads(data), 5)

    with_a_deep_stack(check)


def test_each_object_is_new() -> None:
    for name in ("instances.plain", "graphs.tree", "calls.one_plain"):
        assert WORKLOADS[name].make() is not WORKLOADS[name].make()


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benches", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=240,
    )


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[dict[str, Any]]]:
    """Measure a little, and return what was printed and the numbers."""
    out = tmp_path_factory.mktemp("bench") / "out.json"
    only = ["--only", "calls.one_*", "--only", "graphs.ring*"]
    run = command(*only, "--quick", "--peers", "--json", str(out))
    assert run.returncode == 0, run.stderr
    return run.stdout, json.loads(out.read_text(encoding="utf-8"))


def test_the_command_prints_tables_and_keeps_the_numbers(measured: tuple[str, list[dict[str, Any]]]) -> None:
    printed, (found,) = measured
    rows = {row["workload"]: row for row in found["results"]}
    assert rows.keys() == {
        *(f"calls.one_{what}" for what in ("int", "string", "plain", "dataclass")),
        *("graphs.ring", "graphs.ring_shuffled"),
    }
    for name, row in rows.items():
        assert name in printed
        for way in runner.DIRECTIONS:
            for collector in ("on", "off"):
                times = row[way][collector]
                assert times["rounds"] >= 3
                low, high = times["quartiles"]
                assert 0 < low <= times["ratio"] <= high
                assert times["noise quartiles"][0] <= times["noise"] <= times["noise quartiles"][1]
            assert row[way]["memory"].keys() == {"brinery", "pickle"}
    assert f"geometric mean of {len(rows)}" in printed
    assert "A/A" in printed
    assert found["about"]["version"] == sys.version.split()[0]


def test_peers_take_part_where_they_can_express_the_object(
    measured: tuple[str, list[dict[str, Any]]],
) -> None:
    rows = {row["workload"]: row for row in measured[1][0]["results"]}
    assert "marshal" in rows["calls.one_int"]["dumps"]["peers"]
    assert "marshal" not in rows["calls.one_plain"]["dumps"]["peers"]
    for way in runner.DIRECTIONS:
        assert not {"marshal", "msgspec", "ormsgpack"} & rows["graphs.ring"][way]["peers"].keys()


def test_the_pages_and_pictures_are_made_from_the_numbers(
    measured: tuple[str, list[dict[str, Any]]],
) -> None:
    written = pages.pages(measured[1])
    for path, text in written.items():
        assert path.exists(), "a page or picture that is not in the repository"
        if path.suffix == ".svg":
            picture = ElementTree.fromstring(text)
            titles = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}title")]
            for row in measured[1][0]["results"]:
                assert any(title.startswith(f"{row['workload']} ") for title in titles)
        else:
            assert "geometric mean" in text or "| **all**" in text
            assert "CPython " + sys.version.split()[0] in text


def test_a_loss_is_shown_as_one() -> None:
    times = {"rounds": 3, "brinery": 2.0, "pickle": 1.0, "ratio": 0.5, "quartiles": [0.4, 0.6]}
    times = {**times, "noise": 1.0, "noise quartiles": [0.9, 1.1]}
    ways = {way: {"bytes": 9, "on": times, "off": times, "memory": {}} for way in runner.DIRECTIONS}
    one = {"workload": "scalars.floats", **ways}
    assert "**▼ 0.50×**" in report.speed([one])
    assert "slower at `dumps` (1): scalars.floats 0.50×" in report.losses([one])
    about = {"version": "3.11", "optimised": False, "protocol": 5, "brinery": "0"}
    for picture in (plot.families, plot.workloads):
        drawn = str(picture({"about": about, "results": [one]}, LIGHT))
        assert drawn.count("<polygon") >= 2


def test_the_table_of_the_rust_side() -> None:
    row = {"name": "read.ints", "side": "brinery", "size": 4000, "seconds": [1e-6] * 3, "ratio": [1.0] * 3}
    peer = {**row, "side": "rmp-serde", "ratio": [0.4, 0.5, 0.6]}
    line = native.table([row, row, peer]).splitlines()[-1]
    assert "4.00" in line
    assert "**▼ 0.50×** (0.40–0.60)" in line
    assert [cell.strip() for cell in line.split("|")].count("–") == len(native.PEERS) - 1


def test_a_missing_library_is_reported() -> None:
    row = {"workload": "science.data_frame", "missing": ["pandas"]}
    assert "missing: pandas" in report.speed([row])
    assert "**not measured, library missing**: science.data_frame (pandas)" in report.losses([row])


def test_an_unknown_workload_gets_one_line() -> None:
    run = command("--only", "nothing.*")
    assert run.returncode == 2
    assert run.stderr.splitlines()[-1].endswith("no workload is called nothing.*; --list names them")


def test_only_equal_work_counts_as_alike() -> None:
    shared: list = []
    cycle: list = [1]
    cycle.append(cycle)
    other: list = [1]
    other.append(other)
    assert alike.alike({"a": [1, (2.5, None)]}, {"a": [1, (2.5, None)]})
    assert alike.alike(cycle, other)
    assert not alike.alike([(1, 2)], [[1, 2]])
    assert not alike.alike([True], [1])
    assert not alike.alike([shared, shared], [[], []])
    assert not alike.alike(WORKLOADS["instances.plain"].make(), WORKLOADS["instances.plain"].make()[:-1])


def test_a_shuffled_heap_lays_objects_in_random_places() -> None:
    heap.shuffle()
    places = [id(obj) for obj in [bytes(30 + number % 2) for number in range(2000)]]
    steps = [abs(b - a) for a, b in zip(places, places[1:])]
    assert sum(step > 256 for step in steps) > len(steps) / 2


def test_scanners_are_compared_by_what_they_say(tmp_path: Path) -> None:
    scan = scanners.brinery()
    said = {}
    for name, data in {
        "attack": b"cos\nsystem\n(S'true'\ntR.",
        "data": b"N.",
        "own": b"cshop\nOrder\n)\x81.",
    }.items():
        (tmp_path / name).write_bytes(data)
        said[name], took = scanners.isolated(scan, tmp_path / name)
        assert 0 < took < scanners.SECONDS
    assert said == {"attack": scanners.FOUND, "data": scanners.NOTHING, "own": scanners.NEEDS}

    def endless(path: Path) -> str:
        raise MemoryError

    assert scanners.isolated(endless, tmp_path)[0] == scanners.UNREAD
    result = {"said": {"attacks": ["found", "needs", "unread", "nothing"], "honest": ["nothing", "found"]}}
    found = scanners.table({"brinery": {**result, "speed": {"records": 512.4, "bytes": 1.94}}})
    assert f"| brinery {brinery.__version__} | 1 | 1 | 1 | 1 | 1 | 512 MB/s | 1.9 MB/s |" in found
    assert len(list(scanners.attacks())) > 300
    assert len(list(scanners.honest())) > 100
