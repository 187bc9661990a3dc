"""Calls that are made without a tuple of their arguments, and objects that are made without a call."""

from __future__ import annotations

import _pickle
import collections
import datetime
import decimal
import enum
import functools
import gc
import operator
import pathlib
import pickle
import random
import struct
import sys
import threading
import types
import weakref
from collections.abc import Callable

import pytest

import brinery

PROTOCOLS = range(6)


def outcome(load: Callable[[bytes], object], data: bytes) -> object:
    """What a load comes to."""
    try:
        return load(data)
    except Exception as error:
        return type(error), str(error)


class Keeping:
    """A class that is made of what it is given, and keeps it."""

    seen: list = []

    def __init__(self, *args: object) -> None:
        self.args = args
        Keeping.seen.append(args)

    def __reduce__(self) -> tuple:
        return Keeping, self.args


def join(*args: object) -> list:
    """A function that is called with what it is given."""
    return list(args)


class Joined:
    """Something that a function makes."""

    def __init__(self, *args: object) -> None:
        self.args = args

    def __reduce__(self) -> tuple:
        return join, self.args


class Colour(enum.Enum):
    """An enumeration with values of several kinds."""

    RED = 1
    GREEN = "g"
    BLUE = (1, 2)


class Level(enum.IntEnum):
    """An enumeration of ints."""

    LOW = 1
    HIGH = 2


class Rights(enum.Flag):
    """An enumeration of flags."""

    READ = 1
    WRITE = 2


class Refusing(Exception):
    """An exception whose constructor takes other arguments than it is saved with."""

    def __init__(self, *, code: int) -> None:
        super().__init__("refused", code)


class Simple(ValueError):
    """An exception without anything of its own."""


class Emptying(Exception):
    """An exception that runs code when it is made."""

    def __init__(self, victim: list) -> None:
        super().__init__(victim)
        victim.clear()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("count", [1, 5, 300])
@pytest.mark.parametrize("kind", [Keeping, Joined])
def test_calls_get_the_arguments_in_order(protocol: int, count: int, kind: type) -> None:
    values = [kind(*range(number % 12), "x", [number]) for number in range(count)]
    data = _pickle.dumps(values, protocol)
    ours, stock = brinery.loads(data), _pickle.loads(data)
    read = (lambda value: value.args) if kind is Keeping else list
    assert [read(value) for value in ours] == [read(value) for value in stock]


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("count", [1, 5, 300])
def test_a_tuple_of_arguments_that_is_fetched_is_made(protocol: int, count: int) -> None:
    values: list = []
    for number in range(count):
        args = (number, [number])
        values += [Keeping(*args), args]
        values[-2].args = args
    loaded = brinery.loads(_pickle.dumps(values, protocol))
    assert loaded[1::2] == values[1::2]
    assert [value.args for value in loaded[::2]] == values[1::2]
    assert all(value.args[1] is args[1] for value, args in zip(loaded[::2], loaded[1::2]))


#: A datetime of the bytes on the stack, which are stored, and then fetched or not.
MADE = b"\x80\x04cdatetime\ndatetime\n\x94C\x0a\x07\xe8\x02\x03\x04\x05\x06\x00\x00\x07\x94"


@pytest.mark.parametrize(
    "stream",
    [
        MADE + b"\x85\x94R\x94h\x01\x86.",
        MADE + b"\x85\x94R\x94h\x02\x86.",
        MADE + b"\x85R\x94h\x01\x86.",
        MADE + b"\x85\x94R\x94h\x01h\x02\x87.",
        MADE + b"\x85\x94R\x94h\x01h\x00h\x01\x85\x94R\x86\x94.",
        # The argument is there twice, and nothing else holds it.
        b"\x80\x04cbuiltins\ncomplex\n\x94G?\xf8\x00\x00\x00\x00\x00\x00\x94h\x01\x86\x94R\x94h\x01\x86.",
        b"\x80\x04cbuiltins\nslice\n\x94C\x04abcd\x94h\x01h\x01\x87\x94R\x94h\x01h\x02\x87.",
        b"\x80\x04cbuiltins\nrange\n\x94J\x00\x00\x01\x00\x94J\x00\x00\x02\x00\x94K\x03\x87\x94R\x94h\x01h\x02\x87.",
        b"\x80\x04cbuiltins\nslice\n\x94(C\x04abcd\x94e.",
        b"\x80\x04cdecimal\nDecimal\n\x94\x8c\x041.50\x94\x85\x94R\x94h\x01h\x02h\x03\x87.",
        b"\x80\x04cdecimal\nDecimal\n\x94(\x8c\x041.50\x94t\x94R\x94h\x01h\x02h\x03\x87.",
    ],
)
def test_arguments_that_are_fetched_live(stream: bytes) -> None:
    for padded in (stream, b"\x80\x04]" + b"\x94" * 0 + stream[2:-1] + b"a."):
        ours, stock = outcome(brinery.loads, padded), outcome(_pickle.loads, padded)
        assert repr(ours) == repr(stock)


def test_many_calls_with_arguments_that_are_fetched_now_and_then() -> None:
    source = random.Random(5)
    makers = [
        lambda: datetime.datetime.fromtimestamp(source.randrange(10**9), datetime.timezone.utc),
        lambda: decimal.Decimal(source.randrange(10**6)) / 100,
        lambda: range(source.randrange(1000), source.randrange(10**6), 1 + source.randrange(500)),
        lambda: slice(source.randrange(1000), "x" * source.randrange(9), None),
        lambda: complex(source.random(), source.random()),
        lambda: pathlib.PurePosixPath("/a", f"b{source.randrange(9)}", "c"),
        lambda: source.choice([*Colour, *Level, *Rights]),
        lambda: Simple("text", source.randrange(9)),
        lambda: collections.deque([1, "a" * source.randrange(9)]),
        lambda: collections.defaultdict(list, {"a": [1]}),
    ]
    for _ in range(150):
        values = [source.choice(makers)() for _ in range(source.randrange(1, 60))]
        texts = [str(source.randrange(9)) for _ in range(5)]
        mixed: list = [*values, *source.choices(values, k=5), *texts]
        mixed += [decimal.Decimal(text) for text in texts]
        source.shuffle(mixed)
        for protocol in (2, 4, 5):
            data = _pickle.dumps(mixed, protocol)
            assert repr(brinery.loads(data)) == repr(_pickle.loads(data)) == repr(mixed)
            assert brinery.dumps(brinery.loads(data), protocol) == _pickle.dumps(
                _pickle.loads(data), protocol
            )


def test_a_call_that_fails_names_the_call() -> None:
    data = _pickle.dumps([1, Joined("a"), Keeping()], 4).replace(b"join", b"jojn")
    data = b"\x80\x04]\x94(K\x01cbuiltins\nchr\n\x94\x8c\x01a\x94\x85\x94R\x94e."
    with pytest.raises(TypeError) as stock:
        _pickle.loads(data)
    with pytest.raises(TypeError) as ours:
        brinery.loads(data)
    assert str(ours.value) == str(stock.value)
    assert (ours.value.offset, ours.value.opcode) == (data.index(b"R\x94"), "REDUCE")


def test_exceptions_whose_constructor_takes_other_arguments_are_made_in_long_streams() -> None:
    values = [Refusing(code=number) for number in range(200)] + [Joined(number) for number in range(200)]
    loaded = brinery.loads(_pickle.dumps(values, 4))
    assert [error.args for error in loaded[:200]] == [("refused", number) for number in range(200)]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_exceptions_are_as_their_class_makes_them(protocol: int) -> None:
    values = [ValueError(), KeyError("k"), Simple("text", 1), OSError(2, "no", "file"), StopIteration(3)]
    for number, error in enumerate(values):
        error.number = number
    data = _pickle.dumps(values, protocol)
    for ours, stock in zip(brinery.loads(data), _pickle.loads(data)):
        assert type(ours) is type(stock) and ours.args == stock.args and vars(ours) == vars(stock)
        assert (ours.__cause__, ours.__context__, ours.__traceback__) == (None, None, None)
        assert ours.__suppress_context__ is False and sys.getsizeof(ours) == sys.getsizeof(stock)
        with pytest.raises(type(ours)):
            raise ours
        ours.args = ("other",)
        assert ours.args == ("other",)


def test_arguments_that_an_exception_empties_are_fetched() -> None:
    victim = ["fresh " + "text"]
    data = _pickle.dumps([victim, victim[0], Emptying([]), victim], 4)
    assert brinery.loads(data) == _pickle.loads(data) or repr(brinery.loads(data)) == repr(
        _pickle.loads(data)
    )
    stream = b"\x80\x04ctests.fast_paths.test_load_calls\nEmptying\n]\x94\x8c\x09some text\x94a\x85\x94R\x94h\x01\x86."
    assert brinery.loads(stream)[1] == _pickle.loads(stream)[1] == "some text"


DECIMALS = [
    *("0", "-0", "0.000", "0E+7", "-0E-9", "1", "-1", "12.50", "1E+100", "-1.5E-100", "0.00012"),
    *(
        "9" * 19,
        "9" * 20,
        "1" + "0" * 37,
        "1" + "0" * 38,
        "9" * 76,
        "9" * 77,
        "123." + "4" * 70,
        "." + "7" * 30,
    ),
    *("NaN", "sNaN", "-NaN123", "Infinity", "-Infinity", "1E+999999999", "1E-999999999999", "1e5", "1_000"),
    *(
        " 1",
        "1 ",
        "+5",
        "",
        "-",
        ".",
        "E5",
        "1E",
        "1E+",
        "--1",
        "1.2.3",
        "１２",
        "1E+999999999999999999999",
        "00012.500",
    ),
]


@pytest.mark.parametrize("text", DECIMALS)
def test_decimals_are_as_their_class_makes_them(text: str) -> None:
    body = text.encode()
    data = b"\x80\x04cdecimal\nDecimal\n\x8c" + bytes([len(body)]) + body + b"\x85R."
    with decimal.localcontext() as context:
        context.prec = 3
        context.traps[decimal.Inexact] = True
        ours, stock = outcome(brinery.loads, data), outcome(_pickle.loads, data)
    assert repr(ours) == repr(stock)
    if not isinstance(stock, decimal.Decimal):
        return
    assert ours.as_tuple() == stock.as_tuple() and sys.getsizeof(ours) >= sys.getsizeof(decimal.Decimal(1))
    if stock.is_finite():
        assert hash(ours) == hash(stock) and ours == stock
        with decimal.localcontext() as context:
            context.prec = 120
            context.Emin, context.Emax = decimal.MIN_EMIN, decimal.MAX_EMAX
            for other in (decimal.Decimal("3.7"), stock):
                assert repr(ours + other) == repr(stock + other) and repr(ours * other) == repr(stock * other)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_ranges_are_as_their_class_makes_them(protocol: int) -> None:
    edges = [0, 1, -1, 5, 256, 257, -6, 1 << 30, 1 << 61, -(1 << 61), (1 << 62) - 1, 1 << 63, -(1 << 70)]
    values = [range(a, b, c) for a in edges for b in edges for c in edges if c]
    for ours, stock in zip(brinery.loads(_pickle.dumps(values, protocol)), values):
        assert ours == stock and repr(ours) == repr(stock) and bool(ours) == bool(stock)
        if abs(stock.start) < 1 << 60 and abs(stock.stop) < 1 << 60:
            assert len(ours) == len(stock) and list(ours[:3]) == list(stock[:3])
    assert outcome(brinery.loads, b"cbuiltins\nrange\nK\x01K\x02K\x00\x87R.")[0] is ValueError
    assert (
        outcome(brinery.loads, b"cbuiltins\nrange\nK\x01K\x02G?\xf8\x00\x00\x00\x00\x00\x00\x87R.")[0]
        is TypeError
    )


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_members_of_enumerations_are_themselves(protocol: int) -> None:
    values = [*Colour, *Level, *Rights, Rights.READ | Rights.WRITE] * 3
    made = brinery.loads(_pickle.dumps(values, protocol))
    assert all(ours is value for ours, value in zip(made, values))


def test_an_enumeration_that_is_asked_otherwise_is_asked() -> None:
    class Meta(enum.EnumMeta):
        calls = 0

        def __call__(cls, *args: object, **kwargs: object) -> object:
            Meta.calls += 1
            return super().__call__(*args, **kwargs)

    global Asked, Missing

    class Asked(enum.Enum, metaclass=Meta):
        ONE = 1

    class Missing(enum.Enum):
        ONE = 1

        @classmethod
        def _missing_(cls, value: object) -> object:
            return cls.ONE

    before = Meta.calls
    head = b"c" + __name__.encode() + b"\n"
    assert brinery.loads(head + b"Asked\nK\x01\x85R.") is Asked.ONE and Meta.calls == before + 1
    assert brinery.loads(head + b"Missing\nK\x07\x85R.") is Missing.ONE
    assert outcome(brinery.loads, head + b"Colour\nK\x07\x85R.") == outcome(
        _pickle.loads, head + b"Colour\nK\x07\x85R."
    )
    assert outcome(brinery.loads, head + b"Colour\n]\x85R.") == outcome(
        _pickle.loads, head + b"Colour\n]\x85R."
    )


def test_a_patched_enumeration_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    data = _pickle.dumps(Colour.RED, 4)
    assert brinery.loads(data) is Colour.RED
    monkeypatch.setattr(enum.EnumMeta, "__call__", lambda cls, *args: (cls, args))
    assert brinery.loads(data) == (Colour, (1,))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", [pathlib.PurePosixPath, pathlib.PosixPath])
def test_paths_are_as_their_class_makes_them(protocol: int, kind: type) -> None:
    texts = ["", ".", "a", "a/b", "/", "/a", "/a/b.txt", "//", "//a/b", "a/../b", "é/b", "a b/c", "/ü"]
    values = [kind(text) for text in texts]
    data = _pickle.dumps(values, protocol)
    for ours, stock in zip(brinery.loads(data), _pickle.loads(data)):
        assert (
            type(ours) is type(stock)
            and str(ours) == str(stock)
            and ours == stock
            and hash(ours) == hash(stock)
        )
        assert (ours.drive, ours.root, ours.parts, ours.name, ours.suffix) == (
            *(stock.drive, stock.root, stock.parts, stock.name, stock.suffix),
        )
        assert ours / "x" == stock / "x" and ours.parent == stock.parent
        assert all(part is sys.intern(part) for part in ours.parts[1:])


@pytest.mark.parametrize(
    "parts",
    [
        (),
        ("a", "/b"),
        ("a/b", "c"),
        ("/", "/"),
        ("/", ""),
        ("", "a"),
        ("a", "."),
        ("//", "a"),
        (b"a",),
        (1,),
        ("a", 1),
    ],
)
def test_paths_of_odd_parts_are_made_by_their_class(parts: tuple) -> None:
    class Odd:
        def __reduce__(self) -> tuple:
            return pathlib.PurePosixPath, parts

    data = _pickle.dumps(Odd(), 4)
    ours, stock = outcome(brinery.loads, data), outcome(_pickle.loads, data)
    assert ours == stock and str(ours) == str(stock)
    if isinstance(stock, pathlib.PurePath):
        assert ours.parts == stock.parts


def test_patched_paths_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    data = _pickle.dumps(pathlib.PurePosixPath("/a/b"), 4)
    assert brinery.loads(data) == pathlib.PurePosixPath("/a/b")
    name = "__init__" if sys.version_info >= (3, 12) else "_from_parts"
    seen = []

    def patched(self: object, *args: object) -> None:
        seen.append(args)

    monkeypatch.setattr(pathlib.PurePath, name, patched if name == "__init__" else classmethod(patched))
    brinery.loads(data)
    assert len(seen) == 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 63, 64, 65, 200, 5000])
@pytest.mark.parametrize("most", [None, 10, 10_000])
def test_deques_go_on_as_any_other(protocol: int, count: int, most: int | None) -> None:
    model = collections.deque((str(number) for number in range(count)), most)
    made = brinery.loads(_pickle.dumps(model, protocol))
    assert made == model and made.maxlen == most and list(reversed(made)) == list(reversed(model))
    iterator = iter(made)
    for number in range(70):
        for each in (made, model):
            each.append(number)
            each.appendleft(-number)
    with pytest.raises(RuntimeError):
        next(iterator)
        next(iterator)
    while len(model) > 5:
        assert made.pop() == model.pop() and made.popleft() == model.popleft()
    made.rotate(3)
    model.rotate(3)
    made.extend(range(40))
    model.extend(range(40))
    assert made == model and made.copy() == model


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("count", [0, 1, 5, 6, 30, 999, 1000, 1001, 2500])
def test_ordered_dicts_go_on_as_any_other(protocol: int, count: int) -> None:
    makers = [
        str,
        int,
        lambda number: str(number) if number % 50 != 7 else number,
        lambda number: (number, "x"),
    ]
    for make in makers:
        model = collections.OrderedDict((make(number), [number]) for number in range(count))
        made = brinery.loads(_pickle.dumps(model, protocol))
        assert made == model and list(made) == list(model) and list(reversed(made)) == list(reversed(model))
        for key in list(model)[::7]:
            for each in (made, model):
                each.move_to_end(key, last=key != make(0))
        for key in list(model)[::3]:
            assert made.pop(key) == model.pop(key)
        for number in range(20):
            made[f"new {number}"] = model[f"new {number}"] = number
        assert list(made.items()) == list(model.items()) and made.copy() == model
        while model:
            assert made.popitem(last=False) == model.popitem(last=False)
        made["again"] = 1
        assert list(made) == ["again"]


def test_keys_that_come_twice_leave_an_ordered_dict_whole() -> None:
    data = b"\x80\x04ccollections\nOrderedDict\n)R(\x8c\x01aK\x01\x8c\x01bK\x02\x8c\x01aK\x03\x8c\x01cK\x04u."
    made = brinery.loads(data)
    assert list(made.items()) == list(_pickle.loads(data).items()) == [("a", 3), ("b", 2), ("c", 4)]
    made.move_to_end("a")
    del made["b"]
    assert list(made) == ["c", "a"]


class Child(collections.OrderedDict):
    """A subclass of an ordered dict."""


class Filled(collections.defaultdict):
    """A subclass of a dict with defaults."""


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_dicts_with_defaults_are_as_their_class_makes_them(protocol: int) -> None:
    values = [collections.defaultdict(factory, {"a": [1]}) for factory in (None, list, int, len)]
    values += [collections.defaultdict(), Child(a=1), Filled(list, b=[2])]
    for ours, stock in zip(brinery.loads(_pickle.dumps(values, protocol)), values):
        assert type(ours) is type(stock) and ours == stock
        if isinstance(stock, collections.defaultdict):
            assert ours.default_factory is stock.default_factory
    assert brinery.loads(_pickle.dumps(values[1], protocol))["new"] == []
    stream = b"ccollections\ndefaultdict\nK\x05\x85R."
    assert outcome(brinery.loads, stream) == outcome(_pickle.loads, stream)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_time_zones_are_as_their_class_makes_them(protocol: int) -> None:
    hour = datetime.timedelta(hours=1)
    values = [
        datetime.timezone(hour),
        datetime.timezone(hour, "name"),
        datetime.timezone(datetime.timedelta(0)),
    ]
    values += [datetime.timezone.utc, datetime.timezone(-hour * 23)]
    made = brinery.loads(_pickle.dumps(values, protocol))
    assert [repr(zone) for zone in made] == [repr(zone) for zone in values] and made[
        3
    ] is datetime.timezone.utc
    for args in (b"K\x05\x85", b"cdatetime\ntimedelta\nK\x02K\x00K\x00\x87R\x85"):
        stream = b"cdatetime\ntimezone\n" + args + b"R."
        assert outcome(brinery.loads, stream) == outcome(_pickle.loads, stream)


def test_padding_does_not_matter() -> None:
    # The head of a number in a frame of its own.
    value = [struct.pack("<d", 1.5)] * 3 + [datetime.date(2024, 1, 2)]
    assert brinery.loads(pickle.dumps(value)) == value


class Local(threading.local):
    """Keeps the tuple of its arguments, for the next thread."""

    def __init__(self, *args: object) -> None:
        self.args = args


class Meta(type):
    """A class whose classes are called in another way."""

    def __call__(cls, *args: object) -> object:
        return super().__call__(*args)


class Called(metaclass=Meta):
    """Keeps what it is called with."""

    def __init__(self, *args: object) -> None:
        self.args = args

    def __eq__(self, other: object) -> bool:
        return type(other) is Called and other.args == self.args


class Caller:
    """An object that can be called."""

    def __reduce__(self) -> str:
        return "caller"

    def __call__(self, *args: object) -> object:
        if args and args[0] == 77:
            raise ValueError("77")
        return (args, [])


caller = Caller()


class ByCaller:
    """Is loaded as what :data:`caller` answers."""

    def __init__(self, *args: object) -> None:
        self.args = args

    def __reduce__(self) -> tuple:
        return caller, self.args


class Reduced:
    """Is loaded as the call of something."""

    def __init__(self, call: object, *args: object) -> None:
        self.call, self.args = call, args

    def __reduce__(self) -> tuple:
        return self.call, self.args


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 9])
def test_a_tuple_that_is_used_again_is_nobody_elses(protocol: int, count: int) -> None:
    calls = [Local, Called, caller, operator.methodcaller, functools.partial, types.GenericAlias, slice]
    for call in calls:
        args = [
            (["a", number], f"b{number}", number, None, [number])[: count % 6] * 2 for number in range(60)
        ]
        if call is operator.methodcaller:
            args = [("append", *some) for some in args]
        elif call is functools.partial:
            args = [(divmod, *some) for some in args]
        data = _pickle.dumps([Reduced(call, *some) for some in args], protocol)
        results = [outcome(load, data) for load in (brinery.loads, _pickle.loads)]
        if call is Local:
            made, stock = results
            assert [one.args for one in made] == [one.args for one in stock]
            for one, some in zip(made, args):
                kept = [part for part in gc.get_referents(one) if type(part) is tuple]
                assert any(part == tuple(some) for part in kept)
                # What another thread makes of the arguments is what they were.
                assert all(gc.is_tracked(part) for part in kept if any(gc.is_tracked(item) for item in part))
            seen: list[object] = []
            thread = threading.Thread(target=lambda: seen.extend(one.args for one in made))
            thread.start()
            thread.join()
            assert seen == [tuple(some) for some in args]
        elif call in (operator.methodcaller, functools.partial):
            assert [repr(one) for one in results[0]] == [repr(one) for one in results[1]]
        else:
            assert results[0] == results[1], call


def test_a_call_with_a_used_tuple_that_fails_names_the_call_and_leaves_nothing() -> None:
    stream = b"\x80\x04(" + b"c" + __name__.encode() + b"\ncaller\n\x94"
    call = b"h\x00%s\x85\x94R\x94"
    data = stream + b"".join(call % (b"K" + bytes([number])) for number in range(76)) + call % b"KM" + b"t."
    data = data[:2] + b"\x95" + struct.pack("<Q", len(data) - 2) + data[2:]
    with pytest.raises(ValueError, match="77") as caught:
        brinery.loads(data)
    assert caught.value.opcode == "REDUCE" and data[caught.value.offset : caught.value.offset + 1] == b"R"
    with pytest.raises(ValueError, match="77"):
        _pickle.loads(data)
    # Calls of other arity between, and one within another's arguments.
    mixed = [
        ByCaller(*range(number % 4), ByCaller(number, ByCaller())) if number % 3 else ByCaller(number)
        for number in range(70)
    ]
    data = _pickle.dumps(mixed, 4)
    assert brinery.loads(data) == _pickle.loads(data)


def test_arguments_of_a_used_tuple_go_when_the_call_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    alive: weakref.WeakSet = weakref.WeakSet()

    class Argument:
        def __init__(self) -> None:
            alive.add(self)

    def ignore(argument: object) -> int:
        return len(alive)

    monkeypatch.setitem(globals(), "Argument", Argument)
    monkeypatch.setitem(globals(), "ignore", PlainCall(ignore))
    name = __name__.encode()
    stream = b"\x80\x04(c%s\nArgument\n\x94c%s\nignore\n\x94" % (name, name)
    data = stream + b"h\x01h\x00)R\x85R" * 400 + b"l."
    assert brinery.loads(data)[2:] == _pickle.loads(data)[2:] == [1] * 400
    # What the stream fetches later is held.
    data = stream + b"".join(b"h\x01h\x00)R\x94\x85R" for _ in range(200))
    data += b"".join(b"j%s" % struct.pack("<I", number + 2) for number in range(200)) + b"l."
    assert brinery.loads(data)[2:202] == _pickle.loads(data)[2:202] == list(range(1, 201))


class PlainCall:
    """Calls a function, and is none."""

    def __init__(self, function: Callable) -> None:
        self.function = function

    def __call__(self, argument: object) -> object:
        return self.function(argument)
