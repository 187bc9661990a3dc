"""The objects in the samples."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import fractions
import pathlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "Colour",
    "Named",
    "Node",
    "Plain",
    "Point",
    "Reduced",
    "Slotted",
    "Stated",
    "described",
    "objects",
]


class Plain:
    """Attributes in a dict."""


class Slotted:
    """Attributes in slots."""

    __slots__ = ("left", "right")


@dataclass
class Point:
    """A dataclass."""

    x: int
    y: float
    names: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Node:
    """A frozen dataclass."""

    name: str
    below: tuple[Node, ...] = ()


Named = collections.namedtuple("Named", "first second")


class Colour(enum.Enum):
    """An enumeration."""

    RED = 1
    BLUE = "blue"


class Stated:
    """A class with a state of its own."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __getstate__(self) -> object:
        return [self.value]

    def __setstate__(self, state: Any) -> None:
        (self.value,) = state


class Reduced:
    """A class that says how it is made."""

    def __init__(self, *arguments: object) -> None:
        self.arguments, self.items, self.table = arguments, [], {}  # type: ignore[var-annotated]

    def append(self, item: object) -> None:
        self.items.append(item)

    def __setitem__(self, key: object, item: object) -> None:
        self.table[key] = item

    def __reduce__(self) -> tuple[Any, ...]:
        return Reduced, self.arguments, None, iter(self.items), iter(self.table.items())


def objects(protocol: int) -> Iterator[tuple[str, object]]:
    """Yield the objects that a protocol can save, by name."""
    yield "constants", [None, True, False, ..., NotImplemented]
    ints = [
        0,
        1,
        -1,
        255,
        256,
        65535,
        65536,
        2**31 - 1,
        2**31,
        -(2**31),
        2**63,
        -(2**63),
        2**64,
        3**500,
        -(3**500),
    ]
    yield "ints", ints
    yield "floats", [0.0, -0.0, 1.5, -1e300, 5e-324, float("inf"), float("-inf")]
    yield "texts", ["", "ascii", "é", "日本語", "\U0001f600", "a" * 300, "\0\n\\u0041", "\ud800"]
    yield "bytes", [b"", b"x", bytes(range(256)), b"y" * 70000, bytearray(b"z" * 10)]
    yield "containers", [[], [1], list(range(1001)), (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), {}, {1: 2}]
    yield "large", {f"key {number}": [number] for number in range(2500)}
    yield "sets", [set(), {1}, frozenset(), frozenset({"a"})]
    shared = ["shared"]
    cycle: list[Any] = [shared, shared]
    cycle.append(cycle)
    mapping: dict[str, Any] = {"shared": shared}
    mapping["self"] = mapping
    yield "cycles", [cycle, mapping]
    plain = Plain()
    plain.a, plain.b, plain.me = 1, [shared], plain  # type: ignore[attr-defined]
    instances: list[object] = [
        plain,
        Point(1, 2.5, ["n"]),
        Point(2, 3.5),
        Node("root", (Node("leaf"),)),
        Stated((1, 2)),
    ]
    yield "instances", instances
    if protocol >= 2:
        slotted = Slotted()
        slotted.left = shared
        yield "slots", [slotted]
    yield "named", [Named(1, "two"), Colour.RED, Colour.BLUE, Plain, len, Colour]
    reduced = Reduced(1, "two")
    reduced.items, reduced.table = [3, 4], {"five": 6}
    yield "reduced", reduced
    zone = datetime.timezone(datetime.timedelta(hours=5, minutes=30), "there")
    yield (
        "times",
        [
            datetime.date(2020, 1, 2),
            datetime.time(3, 4, 5, 6),
            datetime.datetime(2020, 1, 2, 3, 4, 5, 6, zone),
            datetime.timedelta(-1, 2, 3),
        ],
    )
    yield (
        "numbers",
        [
            decimal.Decimal("-1.50E+3"),
            fractions.Fraction(-1, 3),
            complex(1, -2),
            range(1, 9, 2),
            slice(1, None),
        ],
    )
    yield (
        "values",
        [uuid.UUID(int=2**100), pathlib.PurePosixPath("/a/b"), OSError(2, "no such file"), KeyError("k")],
    )
    yield (
        "collections",
        [
            collections.OrderedDict(a=1, b=2),
            collections.defaultdict(list, {"k": [1]}),
            collections.Counter("hello"),
            collections.deque([1, 2], maxlen=5),
        ],
    )


def described(value: object) -> str:
    """Return a text that is equal for equal objects, with their classes, their sharing and their cycles."""
    seen: dict[int, int] = {}
    kept: list[object] = []

    def one(thing: object) -> str:
        kind = type(thing).__qualname__
        if isinstance(
            thing, (type(None), bool, int, float, str, bytes, complex, range, slice, type, enum.Enum)
        ):
            return f"{kind} {thing!r}" if not isinstance(thing, type) else f"class {thing.__qualname__}"
        if thing is ... or thing is NotImplemented or callable(thing):
            return repr(thing)
        if id(thing) in seen:
            return f"#{seen[id(thing)]}"
        seen[id(thing)] = len(seen)
        kept.append(thing)  # so that no other object has its place
        parts: list[str] = []
        if isinstance(thing, dict):
            parts += [f"{one(key)}: {one(item)}" for key, item in thing.items()]
        elif isinstance(thing, (set, frozenset)):
            parts += sorted(map(one, thing))
        elif isinstance(thing, (list, tuple, collections.deque)):
            parts += map(one, thing)
        elif isinstance(thing, bytearray):
            parts.append(repr(bytes(thing)))
        elif isinstance(thing, BaseException):
            parts.append(one(thing.args))
        elif not hasattr(thing, "__dict__") and not isinstance(thing, Slotted):
            parts.append(repr(thing))
        if isinstance(thing, Slotted):
            parts += [
                f"{name} {one(getattr(thing, name))}" for name in thing.__slots__ if hasattr(thing, name)
            ]
        if type(thing).__module__ == __name__ and hasattr(thing, "__dict__"):
            parts += [f"{name} {one(item)}" for name, item in vars(thing).items()]
        if isinstance(thing, uuid.UUID):
            parts.append(str(thing))
        return f"{kind}({', '.join(parts)})"

    return one(value)
