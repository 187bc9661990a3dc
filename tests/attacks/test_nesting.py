"""One limit for objects within each other: the scanner, the judge and the load have it in common, and nothing crashes."""

from __future__ import annotations

import subprocess
import sys

import pytest

import brinery

from .assembly import call, glob, text

PARTIAL = glob("functools", "partial")
INT = glob("builtins", "int")
#: What is before the innermost object, the object, and what is around it.
KINDS = {
    "defaultdict": (call(glob("collections", "defaultdict"), INT) + b"K\x01", b"s"),
    "deque": (call(glob("collections", "deque")), b"a"),
    "OrderedDict": (call(glob("collections", "OrderedDict")) + b"K\x01", b"s"),
    "SimpleNamespace": (call(glob("types", "SimpleNamespace")) + b"}" + text("x"), b"sb"),
    "ValueError": (glob("builtins", "ValueError"), b"\x85R"),
    "OSError": (glob("builtins", "OSError"), b"\x85R"),
    "slice": (glob("builtins", "slice") + b"NN", b"\x87R"),
    "repeat": (glob("itertools", "repeat"), b"\x85R"),
    "chain": (
        call(glob("itertools", "chain")) + glob("builtins", "iter") + b"]",
        b"a\x85R\x85b",
    ),
    "cycle": (glob("itertools", "cycle") + glob("builtins", "iter") + b"]", b"a\x85R\x85R"),
    "partial": (PARTIAL + INT, b"\x86R"),
    "frozenset": (glob("builtins", "frozenset") + b"]", b"a\x85R"),
    "list": (b"]", b"a"),
    "tuple": (b"", b"\x85"),
    "dict": (b"}K\x01", b"s"),
    "deques in lists": (b"]" + call(glob("collections", "deque")), b"aa"),
    "exceptions in namespaces": (
        call(glob("types", "SimpleNamespace")) + b"}" + text("x") + glob("builtins", "KeyError"),
        b"\x85Rsb",
    ),
}
CALLED = {name for name in KINDS if name not in {"list", "tuple", "dict", "OrderedDict"}}


def nested(name: str, count: int) -> bytes:
    before, after = KINDS[name]
    return b"\x80\x02" + before * count + b"N" + after * count + b"."


@pytest.mark.parametrize("count", [100, 900, 1100, 5000, 9000])
@pytest.mark.parametrize("name", KINDS)
def test_the_scanner_and_the_load_agree(name: str, count: int) -> None:
    data = nested(name, count)
    try:
        brinery.loads(data, policy="stdlib")
        loads = True
    except brinery.PolicyError as error:
        assert error.rule == "budget.depth", error
        loads = False
    verdict = brinery.scan(data).verdict
    assert (verdict == "clean") == loads, verdict
    assert brinery.Policy("stdlib").explain(data).clean == loads
    per_level = 2 if name in {"chain", "cycle", "exceptions in namespaces"} else 1
    assert loads == (name not in CALLED or count * per_level <= 1000)


def test_many_beside_each_other_are_no_nesting() -> None:
    deques = call(glob("collections", "deque")) + b"]a"
    many = b"\x80\x02(" + deques * 5000 + b"l."
    assert len(brinery.loads(many, policy="stdlib")) == 5000
    shared = b"\x80\x02(" + deques + b"q\x01" + b"h\x01" * 5000 + b"l."
    assert len(brinery.loads(shared, policy="stdlib")) == 5001


CHILD = """
import sys
import brinery
from tests.attacks.test_nesting import KINDS, nested

for name in KINDS:
    for count in (900, 1100, 7000, 9000, 100_000):
        for cut in (0, 1):
            data = nested(name, count)
            try:
                brinery.loads(data[: len(data) - cut], policy="stdlib")
            except brinery.PolicyError:
                pass
            assert brinery.scan(data).verdict in {"clean", "budget", "needs"}
print("alive")
"""


@pytest.mark.parametrize("stack", ["unchanged", "2048"])
def test_nothing_crashes(stack: str) -> None:
    limit = "" if stack == "unchanged" else f"ulimit -s {stack}; "
    command = ["sh", "-c", f'{limit}exec "$0" -c "$1"', sys.executable, CHILD]
    done = subprocess.run(command, capture_output=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr.decode()[-1000:]
    assert done.stdout == b"alive\n"
