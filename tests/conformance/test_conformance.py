"""CPython's own pickle tests on brinery, and the harness that runs them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conformance import report


@pytest.fixture(scope="module")
def result() -> report.Report:
    """Run everything once."""
    return report.report()


def test_every_test_passes(result: report.Report) -> None:
    """Nothing fails, and nothing is skipped that runs on the stock engine."""
    assert result.failed == {}
    print(result.summary())


def test_every_test_that_reaches_the_engine_has_passed(result: report.Report) -> None:
    """The tests that ask the engine for anything are there, and the only waiver is SizeofTests."""
    assert len(result.reaching) > 1500
    assert result.reaching <= result.brinery.ids("passed")
    assert {id.split(".")[-2] for id in result.brinery.ids("waived")} == {"SizeofTests"}


PROBE = """
import _pickle, io, pickle, subprocess, sys
from tests.conformance.replacement import StockEngineUsed
assert type(_pickle.dumps).__name__ == "builtin_function_or_method"
assert sys.modules["_pickle"] is sys.modules["brinery._brinery"]
assert pickle.loads(pickle.dumps([1, "x"])) == [1, "x"]
for engine in (lambda: pickle._Pickler(io.BytesIO()).dump(1), lambda: pickle._loads(b"N.")):
    try:
        engine()
    except StockEngineUsed:
        continue
    raise SystemExit("the engine written in Python works")
if sys.argv[1:]:
    subprocess.run([sys.executable, "-c", sys.argv[1]], check=True)
"""


def test_the_engine_is_replaced_in_child_processes_too() -> None:
    """A process and its child both have brinery's module, and a guarded engine in Python."""
    environment = report.environment("brinery")
    subprocess.run([sys.executable, "-c", PROBE, PROBE], env=environment, check=True)
