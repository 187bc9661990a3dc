"""A memo that only notes objects, as long as they live without it."""

from __future__ import annotations

import _pickle
import collections
import datetime
import pickletools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cloudpickle
import pytest

import brinery


class Plain:
    """An ordinary class."""


class Slotted:
    """A class with slots."""

    __slots__ = ("a", "b")


class Stated:
    """A class that runs code when it gets its state, and empties a list that it finds there."""

    def __setstate__(self, state: dict) -> None:
        for name, value in state.items():
            setattr(self, name, value)
            if name == "victim":
                value.clear()


@dataclass(frozen=True)
class Point:
    """A frozen dataclass."""

    x: int
    y: int


Pair = collections.namedtuple("Pair", "a b")


class Iterating:
    """Counts how often it is iterated over."""

    runs = 0

    def __iter__(self) -> Iterator[int]:
        Iterating.runs += 1
        return iter([1])


class Made:
    """Is saved as a call."""

    def __init__(self, function: Callable, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple:
        return self.call


#: Two instances, the first with a state that is in two places of the memo, and then what is in them.
STATE_STORED_TWICE = (
    b"\x80\x04](c%b\nPlain\n)\x81}\x94\x94(X\x01\x00\x00\x00aK\x01ub"
    b"c%b\nPlain\n)\x81}(X\x01\x00\x00\x00bK\x02ubh\x00h\x01e." % (__name__.encode(), __name__.encode())
)


def again(obj: object) -> bytes:
    """Return what an object is saved as, its sharing included."""
    return _pickle.dumps(obj, 5)


def assert_same(data: bytes) -> object:
    """Load with both engines and compare values and sharing; return what brinery has loaded."""
    ours, stock = brinery.loads(data), _pickle.loads(data)
    assert again(ours) == again(stock)
    return ours


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("count", [1, 3, 200])
def test_a_state_that_is_fetched_after_all_is_made(protocol: int, count: int) -> None:
    made = [Plain() for _ in range(count)]
    for number, one in enumerate(made):
        one.number, one.name = number, f"name {number}"
    for also in (made[0].__dict__, [made[-1].__dict__, made[0].__dict__]):
        assert_same(_pickle.dumps([*made, also], protocol))
        assert_same(_pickle.dumps([also, *made, also], protocol))


@pytest.mark.parametrize("protocol", range(2, 6))
def test_a_state_that_is_fetched_after_foreign_code_has_run_is_made(protocol: int) -> None:
    made = Plain()
    made.number = 1
    counted = Stated()
    counted.value = 2
    for extra in (counted, datetime.date(2024, 1, 2), slice(1, 2), KeyError("x"), Pair(1, 2)):
        assert_same(_pickle.dumps([made, extra, made.__dict__], protocol))
        assert_same(_pickle.dumps([extra, made, extra, made.__dict__], protocol))


class Counting:
    """A class whose state is set by code that counts."""

    runs = 0

    def __setstate__(self, state: dict) -> None:
        Counting.runs += 1


def test_foreign_code_runs_once_even_if_a_load_begins_anew() -> None:
    plain, counting = Plain(), Counting()
    plain.a, counting.b = 1, 2
    for everything in ([counting, plain, plain.__dict__], [plain, counting, plain.__dict__]):
        data = _pickle.dumps(everything)
        Counting.runs = 0
        made = brinery.loads(data)
        assert Counting.runs == 1
        assert made[2] == {"a": 1} and made[2] is not made[everything.index(plain)].__dict__


def test_what_foreign_code_takes_away_is_still_fetched() -> None:
    victim = [["one"], {"two": 2}, ("three",)]
    taker = Stated()
    taker.victim = victim
    data = _pickle.dumps([victim, taker, victim[0], victim[1], victim[2]])
    for _ in range(20):
        assert_same(data)


@pytest.mark.parametrize(
    "stream",
    [
        b"]\x94]\x94K\x01a0h\x01a.",  # a list that is popped and fetched
        b"](]\x94K\x01a1h\x00a.",  # the same up to a mark
        b"]\x94(X\x03\x00\x00\x00abc\x94K\x01tX\x03\x00\x00\x00abcK\x02}\x94"
        b"(X\x04\x00\x00\x00key1\x94K\x01X\x04\x00\x00\x00key1\x94K\x02uh\x02h\x03h\x04\x87.",  # equal keys
        b"(X\x02\x00\x00\x00ab\x94X\x02\x00\x00\x00ab\x94\x91\x94h\x00h\x01h\x02\x87.",  # equal elements
        b"\x8f(X\x02\x00\x00\x00ab\x94X\x02\x00\x00\x00ab\x94\x90h\x00h\x01\x87.",
        b"}(K\x01]\x94K\x01]\x94uh\x00h\x01\x87.",  # the value of an equal key
        b"\x8c\x08builtins\x94\x8c\x03int\x94\x93\x94h\x00h\x01h\x02\x87.",  # the names of a global
        b"cbuiltins\ncomplex\n\x94G?\xf0\x00\x00\x00\x00\x00\x00\x94G@\x00\x00\x00\x00\x00\x00\x00\x94\x86\x94R\x94"
        b"h\x01h\x02h\x03h\x04t0h\x01h\x02h\x03h\x04\x86\x86\x86.",  # arguments
        b"]\x94(h\x00h\x00e2h\x00\x86.",
        b"cdatetime\ndate\n\x94C\x04\x07\xe4\x01\x02\x94\x94\x85\x94R\x94h\x01h\x02\x86\x86.",  # an argument stored twice
        b"cdecimal\nDecimal\n\x94X\x03\x00\x00\x001.5\x94\x94\x94\x85R\x94]0h\x01h\x02\x86\x86.",
        f"c{__name__}\nPair\n\x94(K\x01X\x02\x00\x00\x00ab\x94t\x94\x94\x81\x94]0h\x02h\x03\x86\x86.".encode(
            "latin-1"
        ),
        STATE_STORED_TWICE,
        STATE_STORED_TWICE.replace(b"}\x94\x94", b"}\x94}\x940\x94"),
    ],
)
def test_objects_that_are_given_up_can_be_fetched(stream: bytes) -> None:
    for _ in range(3):
        try:
            stock = _pickle.loads(stream)
        except Exception as error:
            with pytest.raises(type(error)):
                brinery.loads(stream)
        else:
            assert again(brinery.loads(stream)) == again(stock)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_arguments_and_slots_that_are_fetched_are_made(protocol: int) -> None:
    slotted = Slotted()
    slotted.a, slotted.b = "left", ["right"]
    named = Pair("x" * 30, 2)
    values = [slotted, named, slotted.a, slotted.b, Point(1, 2), named, named[0]]
    assert_same(_pickle.dumps(values, protocol))
    # A tuple of arguments that is fetched: NEWOBJ leaves it in the memo.
    data = _pickle.dumps(named, 2)
    args = next(position for opcode, _, position in pickletools.genops(data) if opcode.name == "TUPLE2")
    index = data[args + 2]
    assert_same(data[:-1] + b"h" + bytes([index]) + b"\x86.")


def test_random_graphs_with_shared_states_and_code() -> None:
    source = random.Random(20)
    for _ in range(300):
        objects: list = [Plain() for _ in range(source.randrange(1, 8))]
        for one in objects:
            for number in range(source.randrange(4)):
                setattr(one, f"a{number}", source.choice([number, str(number), [number], objects, one]))
        everything: list = [*objects]
        for _ in range(source.randrange(6)):
            other: object = source.choice(
                [
                    source.choice(objects).__dict__,
                    Pair(source.choice(objects), 1),
                    datetime.datetime(2024, 1, source.randrange(1, 28)),
                    {source.randrange(3): objects},
                    {1, 2, "x"},
                    ["x", ("y", "y")],
                ]
            )
            everything.insert(source.randrange(len(everything) + 1), other)
            if source.random() < 0.3:
                stated = Stated()
                stated.part = source.choice(everything)
                everything.insert(source.randrange(len(everything) + 1), stated)
        assert_same(_pickle.dumps(everything, source.randrange(2, 6)))


def test_streams_with_fewer_entries_than_objects_are_loaded() -> None:
    made = [Plain() for _ in range(50)]
    for number, one in enumerate(made):
        one.number, one.next = number, made[number * 7 % 50]
    for protocol in range(2, 6):
        data = pickletools.optimize(_pickle.dumps([made, Pair(made[0], "x")], protocol))
        assert_same(data)


def test_what_native_code_takes_apart_is_still_fetched() -> None:
    # The strings in a code object are interned: those that were given go, and are fetched for other things.
    local = {"a name of this test only": 10}
    made = [local, lambda x: x + local["a name of this test only"], lambda: local]
    data = cloudpickle.dumps(made, protocol=4)
    for _ in range(50):
        again_local, add, give = brinery.loads(data)
        assert add(5) == 15 and give() == again_local == local


def test_a_native_constructor_that_runs_code_runs_it_once() -> None:
    plain, running = Plain(), Iterating()
    plain.a = 1
    data = _pickle.dumps([plain, Made(enumerate, running), plain.__dict__])
    Iterating.runs = 0
    made = brinery.loads(data)
    assert Iterating.runs == 1 and list(made[1]) == [(0, 1)] and made[2] == {"a": 1}
