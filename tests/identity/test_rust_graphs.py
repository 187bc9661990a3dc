"""What Python pickles, read into a Rust graph and written in any protocol, is the same to Python."""

from __future__ import annotations

import _pickle
import functools
import io
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from brinery.tools import genops
from tests.equivalence import difference
from tests.identity import ways
from tests.identity.cases import CASES, LARGE
from tests.identity.strategies import TREES, graphs

HOUSE = Path(__file__).parent.parent.parent


@functools.cache
def program() -> Path:
    """Return the example that reads pickles into graphs and writes them, built."""
    cargo = shutil.which("cargo")
    assert cargo, "cargo is missing"
    build = [cargo, "build", "--quiet", "--locked", "-p", "brinery", "--example", "protocol"]
    # The compiler cannot have the runtime of a sanitizer in its process.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    subprocess.run(build, cwd=HOUSE, env=environment, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", HOUSE / "target"))
    return target / "debug" / "examples" / "protocol"


def rewritten(pickles: list[bytes], protocol: int) -> list[Any]:
    """Return the objects of pickles that Rust has read and written in another protocol."""
    done = run(b"".join(pickles), protocol)
    assert done.returncode == 0, done.stderr
    file = io.BytesIO(done.stdout)
    loaded = [_pickle.load(file) for _ in pickles]
    assert not file.read()
    return loaded


def run(pickles: bytes, protocol: int) -> subprocess.CompletedProcess:
    return subprocess.run([program(), str(protocol)], input=pickles, capture_output=True, check=False)


def has_extension_codes(data: bytes) -> bool:
    return any(opcode.name.startswith("EXT") for opcode, _, _ in genops(data))


def streams(make: Callable[[], Any], written: int) -> list[bytes]:
    """Return the pickle of an object, unless stock cannot make or load it."""
    kind, data, *_ = ways.outcome(lambda: _pickle.dumps(make(), written))
    if kind != "value" or ways.outcome(lambda: _pickle.loads(data))[0] != "value":
        return []
    return [data]


def check(makes: dict[str, Any], compared: Counter) -> None:
    """Compare what Python loads from its own pickles of some objects with what it loads from Rust's."""
    for written in (0, 1, 2, 4, 5):
        pickles = {name: data for name, make in makes.items() for data in streams(make, written)}
        for protocol in range(6):
            # There are no extension codes below protocol 2, and a graph does not know what they stand for.
            refused = {name for name, data in pickles.items() if protocol < 2 and has_extension_codes(data)}
            for name in refused:
                assert b"extension code" in run(pickles[name], protocol).stderr
            written_again = {name: data for name, data in pickles.items() if name not in refused}
            loaded = rewritten(list(written_again.values()), protocol)
            for (name, data), obj in zip(written_again.items(), loaded):
                found = difference(_pickle.loads(data), obj)
                assert found is None, f"{name}, protocol {written} in {protocol}: {found}\n{data!r:.400}"
                compared["Rust graphs"] += 1


@pytest.fixture(autouse=True)
def any_number_of_digits() -> Iterator[None]:
    """Let integers be as long in protocol 0 as they are in others."""
    if not hasattr(sys, "set_int_max_str_digits"):
        yield
        return
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    yield
    sys.set_int_max_str_digits(before)


@pytest.mark.parametrize("part", range(8))
def test_cases(part: int, compared: Counter) -> None:
    names = [name for name in CASES if name not in LARGE][part::8]
    check({name: CASES[name] for name in names}, compared)


def test_large_cases(compared: Counter) -> None:
    for name in sorted(LARGE)[::5]:
        check({name: CASES[name]}, compared)


EXAMPLES = settings(
    max_examples=60,
    phases=[Phase.generate],
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@EXAMPLES
@seed(20240301)
@given(obj=TREES)
def test_trees(compared: Counter, obj: Any) -> None:
    check({"a tree": lambda: obj}, compared)


@EXAMPLES
@seed(19700102)
@given(obj=graphs())
def test_graphs(compared: Counter, obj: Any) -> None:
    check({"a graph": lambda: obj}, compared)
