"""Run test modules in a process whose ``_pickle`` was replaced; write one JSON line for each test.

Usage: runner.py SECONDS RESULTS DONE MODULE...

A test that takes more SECONDS ends the process. Tests whose ids stand in the file DONE are left out, so that
a run can go on after a test that ended the process.
"""

from __future__ import annotations

import faulthandler
import json
import sys
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from tests.conformance.replacement import guard, reach

#: CPython's classes about its own engine in Python, wholly or on one side.
PURE_PYTHON = frozenset({"pickle._Pickler", "pickle._Unpickler"})
ONE_SIDED = {
    "CDumpPickle_LoadPickle": frozenset({"pickle._Unpickler"}),
    "DumpPickle_CLoadPickle": frozenset({"pickle._Pickler"}),
}
#: The exact sizes of C structs are no business of another engine.
WAIVED = "SizeofTests"


def flatten(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    """Yield the tests of nested suites."""
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flatten(test)
        else:
            yield test


def allowed(test: unittest.TestCase) -> frozenset[str]:
    """Say which parts of CPython's engines a test is about."""
    name = type(test).__name__
    return PURE_PYTHON if name.startswith("Py") else ONE_SIDED.get(name, frozenset())


class Outcomes(unittest.TestResult):
    """Collects the outcome of one test, subtests included."""

    def outcome(self) -> tuple[str, str]:
        """Return how the test went, and the details of a failure or the reason of a skip."""
        if bad := self.failures + self.errors:
            return "failed", "\n".join(text for _, text in bad)
        if self.unexpectedSuccesses:
            return "failed", "unexpected success"
        if self.skipped and self.testsRun:
            return "skipped", self.skipped[0][1]
        return "passed", ""


def run_one(test: unittest.TestCase) -> dict[str, object]:
    """Run one test and return its line."""
    if type(test).__name__ == WAIVED:
        return {"id": test.id(), "outcome": "waived"}
    result = Outcomes()
    before = reach.count
    guard.used.clear()
    with guard.allowing(allowed(test)):
        try:
            test.run(result)
        except BaseException as error:
            result.errors.append((test, repr(error)))
    outcome, details = result.outcome()
    if guard.used:
        outcome, details = "failed", f"CPython's own engine was used: {sorted(set(guard.used))}\n{details}"
    return {"id": test.id(), "outcome": outcome, "details": details, "reached": reach.count > before}


def run(patience: float, results: TextIO, done: set[str], modules: list[str]) -> None:
    """Run the tests of the modules, each announced before and reported after."""
    for test in flatten(unittest.defaultTestLoader.loadTestsFromNames(modules)):
        if test.id() not in done:
            results.write(json.dumps({"id": test.id(), "outcome": "started"}) + "\n")
            results.flush()
            faulthandler.dump_traceback_later(patience, exit=True)
            results.write(json.dumps(run_one(test)) + "\n")
            results.flush()


if __name__ == "__main__":
    patience, results, done, *modules = sys.argv[1:]
    with open(results, "a", encoding="utf-8") as stream:
        run(float(patience), stream, set(Path(done).read_text(encoding="utf-8").splitlines()), modules)
