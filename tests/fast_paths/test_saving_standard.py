"""The traps of saving types of the standard library, classes and functions without their reductions."""

from __future__ import annotations

import _pickle
import collections
import copyreg
import decimal
import enum
import fractions
import functools
import io
import math
import operator
import pathlib
import re
import typing
import uuid
from collections.abc import Callable
from typing import Any

import pytest

import brinery
from tests.fast_paths.test_saving import outcome

PROTOCOLS = range(6)


class Ordered(collections.OrderedDict):
    """Attributes beside the items."""


class OtherItems(collections.OrderedDict):
    """Items of its own."""

    def items(self) -> list:
        return [("other", 1)]


class Default(collections.defaultdict):
    """A subclass."""


class Count(collections.Counter):
    """A subclass."""


class CountOtherwise(collections.Counter):
    """Iterated in another way, which `dict()` does not care about: it asks for the keys."""

    def __iter__(self) -> Any:
        return iter(["z"])


class Queue(collections.deque):
    """A subclass."""


class QueueBackwards(collections.deque):
    """Iterated in another way."""

    def __iter__(self) -> Any:
        return reversed(list(super().__iter__()))


class Number(decimal.Decimal):
    """A subclass that shows itself in another way."""

    def __str__(self) -> str:
        return "other"


class Ratio(fractions.Fraction):
    """A subclass."""


class Whole(int):
    """A number with attributes."""


class Real(float):
    """A number."""


class Text(str):
    """Text."""


class Raw(bytes):
    """Bytes."""


class Row(tuple):
    """A tuple with attributes."""


class Record(typing.NamedTuple):
    """A tuple with names and a default."""

    name: str
    values: tuple = ()


class Failure(ValueError):
    """An exception with attributes."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message, code)
        self.code = code


class Shown(Whole):
    """A number that is asked for its arguments."""

    def __getnewargs__(self) -> tuple:
        return (7,)


class Made:
    """Made from arguments, and given attributes."""

    def __new__(cls, *args: object) -> Any:
        obj = object.__new__(cls)
        obj.args = args
        return obj

    def __getnewargs__(self) -> Any:
        return self.args


class MadeFromTuple(tuple):
    """Made from arguments, with items."""

    def __getnewargs__(self) -> Any:
        return ([*self],)


class Key:
    """Hashed by code of its own."""

    asked = 0

    def __init__(self, name: str) -> None:
        self.name = name

    def __hash__(self) -> int:
        Key.asked += 1
        return hash(self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self.name == other.name


class Changes:
    """Changes something when it is saved."""

    def __init__(self, change: Callable[[], object]) -> None:
        self.change = change

    def __reduce__(self) -> tuple:
        self.change()
        return list, ()


class Meta(type):
    """A metaclass with a name of its own for the module."""

    __module__ = property(lambda cls: __name__)


class Renamed(metaclass=Meta):
    """Found in the module that its metaclass tells."""


class MetaAttributes(type):
    """A metaclass that looks attributes up in its own way."""

    def __getattribute__(cls, name: str) -> object:
        return "Whole" if name == "__qualname__" else super().__getattribute__(name)


class Odd(metaclass=MetaAttributes):
    """Says that it is another class."""


class Outer:
    """A place for names."""

    class Inner:
        """A class in a class."""

        def method(self) -> None:
            """A function in a class in a class."""

    def __private(self) -> None:
        """A function with a mangled name."""

    @staticmethod
    def static() -> None:
        """A function behind a descriptor."""

    @classmethod
    def of_class(cls) -> None:
        """A method of the class."""


class Coded:
    """Has an extension code."""


class Shade(enum.Enum):
    """Members."""

    LIGHT = 1
    DARK = 2


def function() -> None:
    """A function."""


def moved() -> object:
    made = collections.OrderedDict((name, [name]) for name in "abcdef")
    made.move_to_end("b")
    made.move_to_end("e", last=False)
    return made


def changing_ordered(change: Callable[[Any], object]) -> Callable[[], object]:
    def make() -> object:
        made = collections.OrderedDict(a=1)
        made["changes"] = Changes(lambda: change(made))
        made["b"] = [2]
        made["c"] = 3
        return made

    return make


def changing_deque(change: Callable[[Any], object]) -> Callable[[], object]:
    def make() -> object:
        made: collections.deque = collections.deque([1])
        made.append(Changes(lambda: change(made)))
        made.extend(range(200))
        return made

    return make


def with_attributes(obj: Any, **attributes: object) -> Any:
    obj.__dict__.update(attributes)
    return obj


def recursive(make: Callable[[], Any], put: Callable[[Any, Any], object]) -> Callable[[], object]:
    def made() -> object:
        obj = make()
        put(obj, obj)
        return [obj, obj]

    return made


def recursive_exception() -> object:
    error = Failure("text", 1)
    error.me = error
    return error


def shared_parts() -> object:
    part, number, path = "part" * 3, 1 << 80, pathlib.PurePosixPath("a/b/c")
    return [slice(part, number, part), part, number, path, path, pathlib.PurePosixPath("a/b/d"), part]


def rotated(*maximum: int) -> object:
    made: collections.deque = collections.deque(range(500), *maximum)
    made.rotate(77)
    for _ in range(70):
        made.popleft()
    return made


def in_place_of(table: dict, kind: type) -> Callable[[], object]:
    return lambda: [kind(1), table]


CASES: dict[str, Callable[[], object]] = {
    "ordered": lambda: [
        collections.OrderedDict(),
        collections.OrderedDict(a=[1]),
        collections.OrderedDict(a=1, b=2),
    ],
    "ordered, 2,500 items": lambda: collections.OrderedDict((str(i), i) for i in range(2500)),
    "ordered, 1,000 items": lambda: collections.OrderedDict((i, str(i)) for i in range(1000)),
    "ordered, moved": moved,
    "ordered, other keys": lambda: collections.OrderedDict(
        [((1, 2), 1), (None, 2), (2.5, 3), (frozenset("a"), 4)]
    ),
    "ordered, keys with a hash": lambda: collections.OrderedDict([(Key("a"), 1), ("a", 2), (Key("b"), 3)]),
    "ordered, attributes": lambda: with_attributes(collections.OrderedDict(a=1), x=1),
    "ordered, subclass": lambda: [Ordered(a=1), with_attributes(Ordered(b=[]), x=[1])],
    "ordered, shadowed": lambda: with_attributes(Ordered(b=[]), __reduce_ex__=lambda protocol: (list, ())),
    "ordered, other items": lambda: OtherItems(a=1),
    "ordered, in itself": recursive(collections.OrderedDict, lambda obj, item: obj.update(me=item)),
    "ordered, in its attributes": recursive(Ordered, lambda obj, item: setattr(obj, "me", item)),
    "ordered, grows": changing_ordered(lambda obj: obj.update(new=1)),
    "ordered, shrinks": changing_ordered(lambda obj: obj.pop("c")),
    "ordered, moves": changing_ordered(lambda obj: obj.move_to_end("a")),
    "ordered, value replaced": changing_ordered(lambda obj: obj.update(b="replaced")),
    "ordered, item deleted behind its back": changing_ordered(lambda obj: dict.pop(obj, "c")),
    "ordered, item added behind its back": changing_ordered(lambda obj: dict.__setitem__(obj, "d", 5)),
    "ordered, item replaced behind its back": changing_ordered(
        lambda obj: (dict.pop(obj, "b"), dict.__setitem__(obj, "d", 5))
    ),
    "default": lambda: [
        collections.defaultdict(list, a=[1], b=[]),
        collections.defaultdict(None, a=1),
        collections.defaultdict(),
        collections.defaultdict(Whole),
        collections.defaultdict(collections.OrderedDict),
        collections.defaultdict(int, {1: 1}),
    ],
    "default, with functions": lambda: [collections.defaultdict(function), collections.defaultdict(len)],
    "default, a factory without a name": lambda: [collections.defaultdict(lambda: 1)],
    "default, subclass": lambda: [Default(list, a=1), with_attributes(Default(list), x=1)],
    "default, in itself": recursive(
        lambda: collections.defaultdict(list), lambda obj, item: obj.update(me=item)
    ),
    "counters": lambda: [collections.Counter("abracadabra"), collections.Counter(), collections.Counter("a")],
    "counters, 2,000 items": lambda: collections.Counter(range(2000)),
    "counters, tuples": lambda: collections.Counter([(1, 2), (1, 2), None]),
    "counters, subclasses": lambda: [Count("abca"), CountOtherwise("ab"), with_attributes(Count("x"), x=1)],
    "counters, shared": lambda: [key := "key of a counter", collections.Counter([key]), key],
    "deques": lambda: [collections.deque(), collections.deque([[1]], 0), collections.deque("abc", maxlen=2)],
    "deques, rotated": lambda: [rotated(), rotated(300)],
    "deques, many items": lambda: collections.deque(range(3000)),
    "deques, subclasses": lambda: [
        Queue([1]),
        with_attributes(Queue([1, 2]), x=[1]),
        QueueBackwards([1, 2, 3]),
    ],
    "deques, in themselves": recursive(collections.deque, lambda obj, item: obj.append(item)),
    "deques, growing": changing_deque(lambda obj: obj.append(1)),
    "deques, rotating": changing_deque(lambda obj: obj.rotate(100)),
    "deques, cleared": changing_deque(lambda obj: obj.clear()),
    "deques, replaced": changing_deque(lambda obj: obj.__setitem__(-1, "new")),
    "decimals": lambda: [
        decimal.Decimal(text) for text in ("1.50", "-0", "NaN123", "sNaN", "1E+500", "Infinity", "7")
    ],
    "decimals, long": lambda: decimal.Decimal("1" * 6000),
    "decimals, subclass": lambda: [Number("1.5"), with_attributes(Number("2"), x=1)],
    "decimals, shared": lambda: [number := decimal.Decimal("1.5"), number, decimal.Decimal("1.5")],
    "fractions": lambda: [
        fractions.Fraction(1, 3),
        fractions.Fraction(-(10**30), 7),
        Ratio(1, 2),
        fractions.Fraction(),
    ],
    "complex": lambda: [1j, complex(-0.0, float("inf")), number := 2 + 1j, number],
    "ranges": lambda: [
        range(3),
        range(10, 0, -2),
        range(1 << 70),
        range(True),
        slice(1, [2], "x"),
        slice(None),
    ],
    "parts in common": shared_parts,
    "paths": lambda: [
        pathlib.PurePosixPath(),
        pathlib.PurePosixPath("/"),
        pathlib.PurePosixPath("a", "b"),
        pathlib.PureWindowsPath("C:/x/y"),
        pathlib.Path("/tmp/x/ä"),
        pathlib.PurePosixPath("a") / "b" / "c" / "d" / "e",
    ],
    "uuids": lambda: [
        uuid.UUID(int=1 << 127),
        uuid.UUID(int=0),
        uuid.UUID(int=5, is_safe=uuid.SafeUUID.safe),
        "int",
    ],
    "whole": lambda: [Whole(), Whole(-5), Whole(1 << 100), with_attributes(Whole(3), x=[1]), Shown(1)],
    "whole, in its attributes": recursive(Whole, lambda obj, item: setattr(obj, "me", item)),
    "real": lambda: [Real(1.5), with_attributes(Real("nan"), x=1)],
    "text": lambda: [
        Text(),
        Text("a"),
        "a",
        "",
        Text("ab"),
        Text("ä"),
        Text("x" * 5000),
        with_attributes(Text("abc"), x=1),
    ],
    "raw": lambda: [
        Raw(),
        Raw(b"a"),
        b"a",
        b"",
        Raw(b"ab"),
        Raw(b"x" * 300),
        with_attributes(Raw(b"abc"), x=1),
    ],
    "rows": lambda: [Row(), (), Row([1]), Row("abcd"), Row([[1]]), with_attributes(Row("ab"), x=1)],
    "rows, long": lambda: Row(range(1200)),
    "records": lambda: [Record("a", (1, 2)), Record("b"), Record("c", ((), [1], (2,)))],
    "records, in themselves": recursive(
        lambda: Record("a", ([],)), lambda obj, item: obj.values[0].append(item)
    ),
    "records, shared": lambda: [
        part := [1],
        Record("a", (part,)),
        pair := (2, 3),
        Record(pair, pair),
        Record("b", ([],)),
    ],
    "made": lambda: [
        Made(),
        Made(1, "text"),
        Made([1], args := (1, 2)),
        args,
        Made(*args),
        with_attributes(Made(1), x=1),
    ],
    "made, from no tuple": lambda: with_attributes(Made(), args=[1]),
    "made, from rows": lambda: Made(Row([1, 2])),
    "made, in itself": recursive(Made, lambda obj, item: setattr(obj, "me", item)),
    "made, changed attributes": lambda: [
        with_attributes(Made(1), changes=Changes(list)),
        MadeFromTuple((1, [2])),
    ],
    "sets": lambda: [
        set(range(2500)),
        frozenset(map(str, range(1500))),
        {(1, 2), "text", 3.5, None, (1, "inner")},
        frozenset([frozenset(["in"]), "text"]),
        {1 << 80, "x" * 300, b"bytes", "ä"},
        set(),
    ],
    "bytearrays": lambda: [bytearray(), bytearray(b"text"), bytearray(b"x" * 70_000)],
    "rows of many kinds": lambda: (
        [
            (1, "a"),
            ("b", None, 2.5),
            [],
            (),
            {},
            [1],
            {"k": 1},
            {"k": "v", 1: 2.5},
            [True, b"bytes"],
            (1, (2,)),
            [[3]],
            {"k": [1]},
            {"k": (1,)},
            {(1, 2): 3},
            -1,
            255,
            256,
            65535,
            65536,
            -(1 << 31),
            1 << 31,
            1 << 62,
            -(1 << 63),
            1 << 63,
            shared := ("shared", 1),
            shared,
            shared_list := ["a"],
            shared_list,
            "x" * 255,
            "x" * 256,
            "ä",
            b"x" * 255,
            b"x" * 256,
            tuple(range(32)),
            tuple(range(33)),
            list(range(32)),
            list(range(33)),
            dict.fromkeys(range(33)),
            dict.fromkeys(range(32)),
        ]
        * 3
    ),
    "rows at the end of a frame": lambda: [
        [(number, "x" * (number % 200)), {"k": "y" * (number % 77)}] for number in range(900)
    ],
    "exceptions": lambda: [
        ValueError(),
        ValueError("text", [1]),
        KeyError(1),
        Failure("text", 3),
        OSError(2, "text", "file"),
        StopIteration(1),
        UnicodeDecodeError("utf-8", b"x", 0, 1, "text"),
        ImportError("text", name="name"),
        with_attributes(ValueError("text")),
    ],
    "exceptions, in their attributes": recursive_exception,
    "functions": lambda: [
        function,
        function,
        Outer.Inner.method,
        math.sin,
        len,
        re.compile,
        operator.itemgetter(1),
    ],
    "functions without a name": lambda: [lambda: 1],
    "functions behind descriptors": lambda: [Outer.static],
    "methods": lambda: [Outer.of_class, Outer.Inner().method, [].append, "".join, dict.fromkeys, str.upper],
    "partial functions": lambda: [functools.partial(function, 1, x=[2]), functools.partial(len)],
    "classes": lambda: [
        int,
        Whole,
        Outer.Inner,
        type,
        object,
        enum.Enum,
        Shade,
        collections.OrderedDict,
        ValueError,
    ],
    "classes of singletons": lambda: [type(None), type(...), type(NotImplemented), type(len)],
    "classes with metaclasses": lambda: [Renamed, Odd],
    "members": lambda: [Shade.LIGHT, Shade.DARK, Shade.LIGHT, re.I | re.M],
    "a frame that ends within": lambda: [
        [
            collections.OrderedDict(text="x" * 600),
            collections.deque(["y" * 600, number]),
            fractions.Fraction(number, 1 << 3000),
            Text("z" * 500),
            Row(["t" * 400, "u"]),
            collections.Counter(["c" * 500]),
            slice("s" * 300, number),
        ]
        for number in range(60)
    ],
}


class Unhooked:
    """A subclass without hooks."""


class Override:
    """Everything is asked for, and left alone."""

    def reducer_override(self, obj: object) -> object:
        return NotImplemented


class Persistent:
    """Everything is asked for, and what is said is compared."""

    seen: list

    def persistent_id(self, obj: object) -> object:
        self.seen.append(type(obj).__name__)


class Table:
    """A table of its own, which does not have what `copyreg` has."""

    dispatch_table: Any = {Shade: lambda obj: (Shade, (obj.value,))}


class Chained:
    """A table in front of that of `copyreg`."""

    dispatch_table: Any = collections.ChainMap(Table.dispatch_table, copyreg.dispatch_table)


def dumped(engine: Any, hooks: type, obj: object, protocol: int) -> object:
    pickler_class = type("Pickler", (hooks, engine.Pickler), {})
    file = io.BytesIO()
    pickler = pickler_class(file, protocol)
    pickler.seen = []
    result = outcome(lambda: pickler.dump(obj))
    # Once more: what has been saved is found in the memo.
    again = outcome(lambda: pickler.dump([obj]))
    # Asking for names in error messages is no part of the comparison.
    return result, again, file.getvalue(), pickler.seen


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", CASES)
def test_bytes(name: str, protocol: int) -> None:
    make = CASES[name]
    stock = outcome(lambda: _pickle.dumps(make(), protocol))
    for _ in range(2):
        assert outcome(lambda: brinery.dumps(make(), protocol)) == stock


@pytest.mark.parametrize("hooks", [Unhooked, Override, Persistent, Table, Chained])
@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("name", CASES)
def test_bytes_with_hooks(name: str, protocol: int, hooks: type) -> None:
    stock = dumped(_pickle, hooks, CASES[name](), protocol)
    for _ in range(2):
        assert dumped(brinery, hooks, CASES[name](), protocol) == stock


@pytest.mark.parametrize("name", CASES)
def test_memo(name: str) -> None:
    """What a Pickler remembers is what the stock one does."""
    seen = []
    for engine in (_pickle, brinery):
        pickler = engine.Pickler(io.BytesIO(), 4)
        obj = CASES[name]()
        result = outcome(lambda: pickler.dump(obj))
        memo = sorted((index, type(held).__name__) for index, held in pickler.memo.copy().values())
        seen.append((result, memo if result is None else None))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("name", CASES)
def test_bytes_with_extension_codes(name: str) -> None:
    """Codes are written where there are some, and nothing else changes."""
    for module, qualname in ((__name__, "Coded"), ("collections", "OrderedDict"), (__name__, "function")):
        copyreg.add_extension(module, qualname, 200 + len(qualname))
    try:
        for protocol in (2, 4):
            stock = outcome(lambda: _pickle.dumps([Coded, Coded(), CASES[name]()], protocol))
            for _ in range(2):
                assert outcome(lambda: brinery.dumps([Coded, Coded(), CASES[name]()], protocol)) == stock
    finally:
        for module, qualname in ((__name__, "Coded"), ("collections", "OrderedDict"), (__name__, "function")):
            copyreg.remove_extension(module, qualname, 200 + len(qualname))


def test_keys_are_hashed_as_often() -> None:
    """The iterator of an OrderedDict looks each key up."""
    counts = []
    for engine in (_pickle, brinery):
        obj = CASES["ordered, keys with a hash"]()
        Key.asked = 0
        engine.dumps(obj)
        counts.append(Key.asked)
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    "change",
    [
        (collections.Counter, "__reduce__", lambda self: (dict, ())),
        (fractions.Fraction, "__reduce__", lambda self: (int, ())),
        (uuid.UUID, "__getstate__", lambda self: {"int": 5}),
        (pathlib.PurePath, "__reduce__", lambda self: (list, ())),
        (collections.Counter, "items", lambda self: []),
    ],
    ids=lambda change: f"{change[0].__name__}.{change[1]}",
)
def test_methods_that_are_replaced(
    change: tuple[type, str, Callable], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the program puts in the place of a method is called."""
    objects = [
        collections.Counter("ab"),
        fractions.Fraction(1, 2),
        uuid.UUID(int=1),
        pathlib.PurePosixPath("a"),
    ]
    brinery.dumps(objects)
    monkeypatch.setattr(*change)
    assert brinery.dumps(objects) == _pickle.dumps(objects)


def test_a_function_that_is_replaced() -> None:
    """A function is only found by its name as long as it stands there."""
    kept = globals()["function"]
    try:
        globals()["function"] = len
        assert outcome(lambda: brinery.dumps([kept])) == outcome(lambda: _pickle.dumps([kept]))
        del globals()["function"]
        assert outcome(lambda: brinery.dumps([kept])) == outcome(lambda: _pickle.dumps([kept]))
    finally:
        globals()["function"] = kept


@pytest.mark.parametrize(
    "bits", [0, 1, 29, 30, 31, 32, 59, 60, 61, 62, 63, 64, 65, 89, 90, 91, 127, 128, 2039, 2040, 2048]
)
def test_numbers_of_all_widths(bits: int) -> None:
    numbers = [sign * ((1 << bits) + more) for sign in (1, -1) for more in (-1, 0, 1)]
    for protocol in PROTOCOLS:
        assert brinery.dumps(numbers, protocol) == _pickle.dumps(numbers, protocol)


def test_buffers_that_are_released() -> None:
    """A callback may release the buffer that it is asked about."""

    def release(buffer: Any) -> bool:
        buffer.release()
        return True

    results = []
    for engine in (_pickle, brinery):
        buffers = [engine.PickleBuffer(bytearray(b"x" * 100)), engine.PickleBuffer(b"")]
        results.append(outcome(lambda: engine.dumps(buffers, 5)))
        buffers[0].release()
        results.append(outcome(lambda: engine.dumps(buffers, 5)))
    assert results[:2] == results[2:]
    # In band again after the release, the stock engine reads memory that is no longer its own.
    assert (
        outcome(lambda: brinery.dumps([brinery.PickleBuffer(b"x")], 5, buffer_callback=release))[0]
        == "ValueError"
    )
