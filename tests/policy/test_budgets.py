"""Budgets of loads that are judged while they are made: depth by every way to put one thing into another, and time."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable

import pytest

import brinery

MOST = 50

#: Streams that put containers into each other so many times, each in another way.
WAYS: dict[str, Callable[[int], bytes]] = {
    "APPEND": lambda n: b"]" * n + b"a" * (n - 1),
    "APPENDS": lambda n: b"](K\x01" * (n - 1) + b"]" + b"e" * (n - 1),
    "APPENDS of a list that is full already": lambda n: b"](N" * (n - 1) + b"](NNe" + b"e" * (n - 1),
    "SETITEM": lambda n: b"}K\x01" * (n - 1) + b"}" + b"s" * (n - 1),
    "SETITEMS": lambda n: b"}(K\x01" * (n - 1) + b"}" + b"u" * (n - 1),
    "TUPLE1": lambda n: b")" + b"\x85" * n,
    "TUPLE": lambda n: b"(" * (n - 1) + b")" + b"NNNt" * (n - 1),
    "LIST": lambda n: b"(" * n + b"l" * n,
    "DICT": lambda n: b"(K\x01" * (n - 1) + b"(" + b"d" * n,
    "FROZENSET": lambda n: b"(" * n + b"\x91" * n,
    # Each list is made and given up to the memo, and the next one gets it from there.
    "BINGET": lambda n: (
        b"]q\x000" + b"".join(b"](h%cNeq%c0" % (k - 1, k) for k in range(1, n)) + b"h%c" % (n - 1)
    ),
    "BINGET, the container as well": lambda n: (
        b"".join(b"]q%c0" % k for k in range(n))
        + b"".join(b"h%ch%ca0" % (k, k + 1) for k in range(n - 1))
        + b"h\x00"
    ),
    "BINGET, into what was fetched last": lambda n: (
        b"".join(b"]q%c0" % k for k in range(n))
        + b"".join(b"h%c(h%ch%ce0" % (k, k + 1, k) for k in range(n - 1))
        + b"h\x00"
    ),
    "DUP": lambda n: b"]" + b"2\x85" * (n - 1),
}


@pytest.mark.parametrize(
    ("policy", "named"),
    [("data", False), ("stdlib", False), ("stdlib", True)],
    ids=["data", "stdlib", "stdlib and a class"],
)
@pytest.mark.parametrize("way", WAYS)
def test_depth_is_counted_however_things_are_put_into_each_other(way: str, policy: str, named: bool) -> None:
    # A class that is named makes the load one in which what may be anywhere is looked at.
    head = b"cfractions\nFraction\n0" if named else b""
    rules = brinery.Policy(policy).limits(depth=MOST)

    def stream(depth: int) -> bytes:
        return b"\x80\x04" + head + WAYS[way](depth) + b"."

    brinery.loads(stream(MOST - 5), policy=rules)
    with pytest.raises(brinery.PolicyError, match="nested deeper"):
        brinery.loads(stream(MOST + 5), policy=rules)


def test_a_wide_stream_is_not_deep() -> None:
    rules = brinery.Policy("data").limits(depth=4)
    rows = [{"id": n, "tags": ["a", "b"], "pair": (n, [n])} for n in range(3000)]
    assert brinery.loads(pickle.dumps(rows), policy=rules) == rows
    with pytest.raises(brinery.PolicyError, match="nested deeper"):
        brinery.loads(pickle.dumps([*rows, [[[[1]]]]]), policy=rules)


class Busy:
    """What takes a millisecond of the processor to be given its state."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __setstate__(self, state: dict[str, int]) -> None:
        end = time.thread_time() + 0.001
        while time.thread_time() < end:
            pass
        self.__dict__.update(state)


class Waiting(Busy):
    """What waits for as long."""

    def __setstate__(self, state: dict[str, int]) -> None:
        time.sleep(0.001)
        self.__dict__.update(state)


def granted(cls: type, milliseconds: int) -> brinery.Policy:
    rules = brinery.Policy("data") | brinery.Policy.allow(cls, construct="tuple[]", setstate="dict[str, int]")
    return rules.limits(milliseconds=milliseconds)


def test_time_that_others_have_does_not_count() -> None:
    data = pickle.dumps([Waiting(n) for n in range(300)])
    begun = time.monotonic()
    made = brinery.loads(data, policy=granted(Waiting, 200))
    assert time.monotonic() - begun > 0.25
    assert [one.number for one in made] == list(range(300))


def test_time_that_is_used_up_is_refused() -> None:
    data = pickle.dumps([Busy(n) for n in range(300)])
    with pytest.raises(brinery.PolicyError, match=r"budget\.time"):
        brinery.loads(data, policy=granted(Busy, 100))


@pytest.mark.parametrize(
    "value", [[[n] for n in range(5000)], [{"a": n} for n in range(5000)]], ids=["lists", "dicts"]
)
def test_time_of_plain_data_counts(value: list[object]) -> None:
    data = pickle.dumps(value)
    assert brinery.loads(data, policy=brinery.Policy("data").limits(milliseconds=5000)) == value
    with pytest.raises(brinery.PolicyError, match=r"budget\.time"):
        brinery.loads(data, policy=brinery.Policy("data").limits(milliseconds=0))


def test_time_is_that_of_each_thread() -> None:
    data = pickle.dumps([Busy(n) for n in range(40)])
    failed: list[Exception] = []

    def load() -> None:
        try:
            brinery.loads(data, policy=granted(Busy, 400))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
