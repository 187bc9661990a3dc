"""Run the suites in processes of their own and add up the results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MODULES = [
    *(
        f"test.{name}"
        for name in (
            "test_pickle",
            "test_pickletools",
            "test_shelve",
            "test_copy",
            "test_copyreg",
            "test_picklebuffer",
        )
    ),
    "tests.conformance.mixins",
]
#: Seconds after which a test counts as hanging.
PATIENCE = 600


@dataclass
class Results:
    """What became of the tests of one run, by id."""

    tests: dict[str, dict[str, Any]] = field(default_factory=dict)

    def ids(self, outcome: str) -> set[str]:
        """Return the ids of the tests with an outcome."""
        return {id for id, test in self.tests.items() if test["outcome"] == outcome}

    @property
    def reached(self) -> set[str]:
        """The tests that asked the engine for anything."""
        return {id for id, test in self.tests.items() if test.get("reached")}


def environment(engine: str) -> dict[str, str]:
    """Return the environment of processes that run on an engine."""
    path = [str(ROOT / "tests/conformance/site"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        "BRINERY_CONFORMANCE_ENGINE": engine,
    }


def run(engine: str, modules: list[str]) -> Results:
    """Run modules on an engine. A test that kills the process has failed, and the others still run."""
    results = Results()
    with tempfile.TemporaryDirectory() as folder:
        lines, done = Path(folder, "results"), Path(folder, "done")
        while True:
            lines.write_bytes(b"")
            done.write_text("\n".join(results.tests), encoding="utf-8")
            command = [
                sys.executable,
                "-X",
                "faulthandler",
                "-m",
                "tests.conformance.runner",
                str(PATIENCE),
                lines,
                done,
            ]
            process = subprocess.run(
                [*command, *modules],
                cwd=folder,
                env=environment(engine),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
            output = process.stdout.decode(errors="backslashreplace")
            running = None
            for line in lines.read_text(encoding="utf-8").splitlines():
                test = json.loads(line)
                running = test["id"] if test["outcome"] == "started" else None
                results.tests[test["id"]] = test
            if process.returncode == 0 and running is None:
                return results
            if running is None:
                raise RuntimeError(f"the tests did not start (exit code {process.returncode}):\n{output}")
            details = f"the process died or hung, exit code {process.returncode}\n{output[-4000:]}"
            results.tests[running] = {"id": running, "outcome": "failed", "details": details, "reached": True}


@dataclass
class Report:
    """The results of one interpreter."""

    brinery: Results
    absent: Results
    stock: Results

    @property
    def failed(self) -> dict[str, str]:
        """The details of what must not be: failures, and tests skipped that run on the stock engine."""
        failed = {id: self.brinery.tests[id]["details"] for id in self.brinery.ids("failed")}
        for id in self.brinery.ids("skipped") - self.stock.ids("skipped"):
            failed[id] = "skipped, but not on the stock engine: " + self.brinery.tests[id]["details"]
        for id in set(self.stock.tests) - set(self.brinery.tests):
            failed[id] = "did not run"
        return failed

    @property
    def reaching(self) -> set[str]:
        """The tests that reach the engine and are not skipped on this machine."""
        return self.absent.reached - self.stock.ids("skipped")

    def summary(self) -> str:
        """Return the numbers, as text."""
        own = {id for id in self.reaching if id.startswith("tests.")}
        rows = [
            ("tests that reach the engine", len(self.reaching)),
            ("of them CPython's own", len(self.reaching) - len(own)),
            ("of them further instances of its suites", len(own)),
            ("passed of those", len(self.reaching & self.brinery.ids("passed"))),
            ("tests of other things, passed", len(self.brinery.ids("passed") - self.reaching)),
            ("waived (SizeofTests)", len(self.brinery.ids("waived"))),
            (
                "skipped here on the stock engine too",
                len(self.brinery.ids("skipped") & self.stock.ids("skipped")),
            ),
        ]
        head = "CPython {}.{}.{}".format(*sys.version_info)
        body = "\n".join(f"  {name}: {count:,}" for name, count in rows)
        passed, failed = len(self.brinery.ids("passed")), len(self.failed)
        return f"{head}\n{body}\n{passed} passed, {failed} failed"


def report(modules: list[str] = MODULES) -> Report:
    """Run modules on every engine."""
    return Report(**{engine: run(engine, modules) for engine in ("brinery", "absent", "stock")})
