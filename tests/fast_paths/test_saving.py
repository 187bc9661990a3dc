"""The traps of the short ways of saving: each object is made anew and compared with what the stock engine writes."""

from __future__ import annotations

import _pickle
import collections
import copyreg
import datetime
import enum
import gc
import io
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

import brinery

PROTOCOLS = range(6)


class Plain:
    """Attributes only."""

    def __init__(self, **attributes: object) -> None:
        self.__dict__.update(attributes) if attributes.pop("materialised", False) else None
        for name, value in attributes.items():
            setattr(self, name, value)


@dataclass
class Point:
    """A dataclass."""

    x: int
    y: object
    tags: list = field(default_factory=list)


class Slotted:
    """Slots only."""

    __slots__ = ("first", "second", "third")

    def __init__(self, *values: object) -> None:
        for name, value in zip(self.__slots__, values):
            setattr(self, name, value)


class Both(Slotted):
    """Slots and a dict."""

    def __init__(self, *values: object, **attributes: object) -> None:
        super().__init__(*values)
        self.__dict__.update(attributes)


class Stateful:
    """A state of its own."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __getstate__(self) -> dict:
        return {"value": self.value}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)


class Empty:
    """A state that counts as none."""

    def __getstate__(self) -> None:
        return None


class Reduced:
    """A reduction of its own, which may change what else is saved."""

    def __init__(self, action: Callable[[], object] | None = None) -> None:
        self.action = action

    def __reduce__(self) -> tuple:
        return Reduced, (), (self.action() if self.action else None,)

    def __setstate__(self, state: tuple) -> None:
        self.state = state


class Rows(list):
    """A list with attributes."""


class Table(dict):
    """A dict with attributes."""


class Backwards(list):
    """A list that is iterated in another way."""

    def __iter__(self):
        return reversed(list(super().__iter__()))


class Meta(type):
    """A metaclass."""


class Made(metaclass=Meta):
    """An instance of a class of a metaclass."""


class Dynamic:
    """Attributes that are looked up."""

    def __getattr__(self, name: str) -> object:
        if name == "__getnewargs__":
            return lambda: ()
        raise AttributeError(name)


class Outer:
    """A class with another in it."""

    class Inner:
        """Found by a dotted name."""


class Colour(enum.Enum):
    """An enumeration."""

    RED = 1


class Registered:
    """A class that `copyreg` knows."""

    def __init__(self) -> None:
        self.number = 7


copyreg.pickle(Registered, lambda obj: (Registered, ()))

Pair = collections.namedtuple("Pair", "left right")
Many = collections.namedtuple("Many", "a b c d e")
Nothing = collections.namedtuple("Nothing", "")


class Named(Pair):
    """A named tuple with attributes."""


def recursive_tuple() -> object:
    inner: list = []
    inner.append((inner, ([inner],)))
    return [inner[0]]


def hook_in_instance(name: str, value: Callable) -> Callable[[], object]:
    def make() -> object:
        first, second = Plain(a=1), Plain(a=1)
        setattr(second, name, value)
        return [first, second, Plain(a=2)]

    return make


def other_reduction(*_: object) -> tuple:
    return list, ((1, 2),)


def other_state() -> dict:
    return {"other": True}


def live_dict_handed_out() -> object:
    owner = Plain(a=1, b="text")
    return [owner, Reduced(lambda: owner.__dict__), owner]


def live_dict_before_its_owner() -> object:
    owner = Plain(a=1, b="text")
    return [Reduced(lambda: owner.__dict__), owner, vars(owner)]


def dict_from_within() -> object:
    owner = Plain(a=1)
    owner.b = Reduced(lambda: owner.__dict__)
    owner.c = [owner]
    return owner


def attributes_that_grow() -> object:
    owner = Plain(a=1)
    owner.b = Reduced(lambda: setattr(owner, "z", 1))
    owner.c = 2
    return owner


def attributes_that_are_replaced() -> object:
    owner = Plain(a=1)
    owner.b = Reduced(lambda: setattr(owner, "__dict__", {"new": 1}))
    owner.c = [2]
    return [owner, owner]


def slots_that_change() -> object:
    owner = Slotted(1, None, [3])
    owner.second = Reduced(lambda: setattr(owner, "third", "changed"))
    return [owner, owner]


def state_before_slots() -> object:
    owner = Both(1, [2], 3)
    owner.name = Reduced(lambda: setattr(owner, "first", "changed"))
    return [owner]


def list_that_shrinks() -> object:
    rows: list = [[index] for index in range(10)]
    rows.insert(3, Reduced(lambda: rows.__delitem__(slice(5, None))))
    return rows


def dict_that_grows() -> object:
    table: dict = {"a": 1}
    table["b"] = Reduced(lambda: table.update(c=3))
    return table


def subclass_that_changes() -> object:
    rows = Rows([[1], [2], [3]])
    rows.name = "rows"
    rows.append(Reduced(lambda: rows.extend([[5], [6]])))
    rows.append([4])
    return rows


def table_that_changes() -> object:
    table = Table(a=[1], b=[2])
    table["c"] = Reduced(lambda: table.update(d=4))
    table.name = "table"
    return table


def temporaries() -> object:
    return [Reduced(lambda: [bytearray(3), ("new", str(number))]) for number in range(300)]


def moved_between_holders() -> object:
    source: list = [[("a", "b")], []]
    source.insert(1, Reduced(lambda: source[2].append(source[0].pop())))
    return source


def shared_keys() -> object:
    made = [Plain(**{f"key{number}": number for number in range(5)}) for _ in range(3)]
    return [*(vars(obj) for obj in made[:2]), *made]


def keys_held_once() -> object:
    return [
        {"".join(["k", str(number)]): {(number, "".join(["v", str(number)])): None}} for number in range(50)
    ]


def many_sizes(kind: type) -> Callable[[], object]:
    def make() -> object:
        made = []
        for size in (0, 1, 2, 3, 999, 1000, 1001, 2000, 2001):
            items = [[number] for number in range(size)]
            made.append(kind(items) if issubclass(kind, list) else kind((str(item), item) for item in items))
        return made

    return make


def moments() -> object:
    zone = datetime.timezone(datetime.timedelta(hours=2), "there")
    day = datetime.datetime(2024, 10, 27, 2, 30, fold=1)
    return [
        day,
        day.replace(tzinfo=zone),
        day.replace(tzinfo=datetime.timezone.utc, fold=0),
        day.date(),
        day.time(),
        day.timetz().replace(tzinfo=zone),
        datetime.timedelta(-1, 5, 7),
        datetime.timedelta.max,
        [day],
    ]


def levels(depth: int) -> object:
    """Containers of all kinds, one in the other, each held by the next alone."""
    made: object = [depth]
    for level in range(depth):
        made = ([made, {level, f"t{level}"}], (made,), [frozenset([f"f{level}"]), made, []])[level % 3]
    return made


def held_twice() -> object:
    """Small containers in such containers, some of which are met again."""
    pair, row, few = (1, "a" * 3), ["b" * 3], frozenset(["c" * 3])
    return [[pair, [row]], [[pair], row], {few, pair}, [few, (few, row)], [row, [row]]]


def emptied(kind: type, count: int, gone: range) -> object:
    """A container that others were taken out of."""
    made = {number: f"n{number}" for number in range(count)} if kind is dict else set(range(count))
    for number in gone:
        made.pop(number) if kind is dict else made.remove(number)
    return made


def itself_within() -> object:
    """Lists that only they themselves hold, at several depths."""
    inner: list[object] = []
    inner.append([(inner, {1: inner})])
    return [[[[inner]]], [(inner,)]]


CASES: dict[str, Callable[[], object]] = {
    "recursive tuple through a list with one holder": recursive_tuple,
    "a reduction in the instance": hook_in_instance("__reduce_ex__", other_reduction),
    "an unused reduction in the instance": hook_in_instance("__reduce__", other_reduction),
    "a state in the instance": hook_in_instance("__getstate__", other_state),
    "the live dict handed out": live_dict_handed_out,
    "the live dict before its owner": live_dict_before_its_owner,
    "the live dict from within": dict_from_within,
    "attributes that grow": attributes_that_grow,
    "attributes that are replaced": attributes_that_are_replaced,
    "slots that change": slots_that_change,
    "slots that change before they are reached": state_before_slots,
    "a list that shrinks": list_that_shrinks,
    "a dict that grows": dict_that_grows,
    "a list subclass that changes": subclass_that_changes,
    "a dict subclass that changes": table_that_changes,
    "temporaries": temporaries,
    "an item that moves to another holder": moved_between_holders,
    "keys that instances share": shared_keys,
    "keys that are held once": keys_held_once,
    "sizes of list subclasses": many_sizes(Rows),
    "sizes of dict subclasses": many_sizes(Table),
    "a list subclass with an iterator of its own": lambda: [Backwards([1, 2, 3])],
    "dates and times": moments,
    "named tuples": lambda: [
        Pair(1, "x"),
        Pair(1, [2]),
        Many(1, 2.5, None, True, "ü"),
        Nothing(),
        Named(1, 2),
    ],
    "a named tuple with attributes": lambda: [setattr(obj := Named(1, 2), "extra", 3), obj],
    "dataclasses": lambda: [Point(1, "y", ["z"]), Point(1, Point(2, None))],
    "slots": lambda: [Slotted(), Slotted(1), Slotted(1, "two", [3]), Both(), Both(1), Both(1, a=2)],
    "states": lambda: [Stateful(1), Stateful([2]), Empty(), Empty()],
    "a metaclass": lambda: [Made(), Made()],
    "attributes that are looked up": lambda: [Dynamic(), Dynamic()],
    "a nested class": lambda: [Outer.Inner(), Outer.Inner()],
    "an enumeration": lambda: [Colour.RED, Colour.RED],
    "a class that copyreg knows": lambda: [Registered(), Registered()],
    "a dict that is no longer split": lambda: [Plain(**{f"n{number}": number for number in range(60)})],
    "attributes deleted and set again": lambda: [
        delattr(obj := Plain(a=1, b=2, c=3), "a"),
        setattr(obj, "a", 4),
        obj,
    ],
    "attributes in a dict": lambda: [vars(obj := Plain(a=1, b=[2])) and obj, obj],
    "names that are no text": lambda: [vars(obj := Plain(a=1)).update({1: 2}), obj],
    "containers in containers": lambda: [levels(depth) for depth in range(12)],
    "containers in dicts": lambda: {f"k{depth}": levels(depth) for depth in range(12)},
    "many in one": lambda: [[[f"a{x}{y}"] for y in range(x)] for x in range(70)],
    "containers that are held twice": held_twice,
    "containers that hold themselves": itself_within,
    "sets of all sizes": lambda: [{f"e{size}-{n}" for n in range(size)} for size in range(70)],
    "frozensets of all sizes": lambda: [frozenset(map(float, range(size))) for size in range(70)],
    "sets of what is no leaf": lambda: [{(1, (2, "x")), frozenset([3]), b"bytes", Colour.RED, "ü", 1 << 80}],
    "a large set": lambda: [set(range(3000)), {f"s{number}" for number in range(1001)}],
    "sets that were larger": lambda: [emptied(set, 50, range(3, 47)), emptied(set, 5, range(5))],
    "dicts that were larger": lambda: [emptied(dict, 50, range(0, 47)), emptied(dict, 5, range(1, 5))],
    "whole batches": lambda: [{f"k{n}": n for n in range(size)} for size in (1, 999, 1000, 1001, 2000)],
    "keys of all kinds": lambda: [{1: 2, 2.5: "x", None: None, False: [1], "ü": "x", (1, "a"): {2}, b"b": 1}],
    "numbers of all sizes": lambda: {
        f"i{bits}": [1 << bits, -(1 << bits), {1 << bits}] for bits in range(70)
    },
    "long text as value": lambda: {
        f"t{size}": "x" * size for size in (0, 1, 31, 32, 254, 255, 256, 257, 70_000)
    },
    "a frame that ends among containers": lambda: [
        [["y" * 40, {f"z{number}"}], ("w" * 90, frozenset([number]))] for number in range(900)
    ],
    "a frame that ends among pairs": lambda: [
        {f"k{number}": "x" * number, "other": [number, "y" * 200]} for number in range(256)
    ],
    "a frame that ends among attributes": lambda: [
        Plain(text="x" * 700, number=number) for number in range(300)
    ],
}


def outcome(dumps: Callable[[], object]) -> object:
    """What a dump returns or raises."""
    try:
        return dumps()
    except Exception as error:
        return type(error).__name__, str(error)


def by_file(engine: object, obj: object, protocol: int) -> bytes:
    file = io.BytesIO()
    engine.Pickler(file, protocol).dump(obj)
    return file.getvalue()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", CASES)
def test_bytes(name: str, protocol: int) -> None:
    make = CASES[name]
    stock = outcome(lambda: _pickle.dumps(make(), protocol))
    assert outcome(lambda: brinery.dumps(make(), protocol)) == stock
    # Again, when more is known of the classes.
    assert outcome(lambda: brinery.dumps(make(), protocol)) == stock
    assert outcome(lambda: by_file(brinery, make(), protocol)) == stock


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


def test_saving_leaves_instances_as_they_are() -> None:
    """Where the interpreter keeps attributes without a dict, a dump makes none."""
    # Where there are extension codes, the first instance of a dump may be saved in the general way.
    codes = dict(copyreg._extension_registry)
    copyreg._extension_registry.clear()
    try:
        # And so may the first instance of a class.
        brinery.dumps(Point(1, "text"))
        obj = Point(1, "text")
        before = sum(isinstance(other, dict) for other in gc.get_referents(obj))
        brinery.dumps([obj, obj])
        assert sum(isinstance(other, dict) for other in gc.get_referents(obj)) == before
    finally:
        copyreg._extension_registry.update(codes)


def test_a_class_that_changes() -> None:
    """What is known of a class is forgotten when the class changes."""

    class Changing:
        pass

    Changing.__qualname__ = "Changing"
    globals()["Changing"] = Changing
    make = Changing
    try:
        for change in (
            lambda: None,
            lambda: setattr(make, "__getstate__", lambda self: {"state": 1}),
            lambda: setattr(make, "__reduce__", lambda self: (list, ())),
            lambda: delattr(make, "__reduce__"),
            lambda: delattr(make, "__getstate__"),
            lambda: copyreg.pickle(make, lambda obj: (dict, ())),
            lambda: copyreg.dispatch_table.pop(make),
            lambda: setattr(make, "__getnewargs__", lambda self: (1,)),
        ):
            change()
            for _ in range(3):
                ours, stock = make(), make()
                ours.value = stock.value = [1]
                assert brinery.dumps([ours]) == _pickle.dumps([stock])
    finally:
        del globals()["Changing"]


def test_without_short_ways() -> None:
    """The same tests pass when an environment variable turns the short ways off."""
    if os.environ.get("BRINERY_FAST_PATHS") == "off":
        pytest.skip("this is the run without them")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        __file__,
        "-k",
        "test_bytes or test_memo",
    ]
    done = subprocess.run(
        command, env={**os.environ, "BRINERY_FAST_PATHS": "off"}, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout[-3000:]


class Keyed(dict):
    """A dict that is saved by its items."""


class Swaps:
    """A key that exchanges another one for a new one while it is saved."""

    def __init__(self, where: dict, old: object, new: object) -> None:
        self.where, self.old, self.new = where, old, new

    def __reduce__(self) -> tuple:
        if self.old in self.where:
            self.where[self.new] = self.where.pop(self.old)
        return str, ("swapped",)


@pytest.mark.parametrize(
    "kind", [Keyed, lambda: collections.defaultdict(int)], ids=["subclass", "defaultdict"]
)
@pytest.mark.parametrize("size", [2, 3, 5, 1001])
@pytest.mark.parametrize("place", ["first", "second", "last"])
def test_keys_that_are_exchanged_while_a_dict_is_saved(
    kind: Callable[[], dict], size: int, place: str
) -> None:
    def dumped(engine: object, protocol: int, old: object) -> object:
        made = kind()
        for number in range(size):
            made[number] = number
        at = {"first": 0, "second": 1, "last": size - 1}[place]
        items = list(made.items())
        made.clear()
        for number, value in items:
            made[Swaps(made, old, "new") if number == at else number] = value
        try:
            return engine.dumps(made, protocol)
        except RuntimeError as error:
            return str(error)

    outcomes = set()
    for protocol in PROTOCOLS:
        for old in (0, 1, size - 1):
            stock = dumped(_pickle, protocol, old)
            assert dumped(brinery, protocol, old) == stock
            outcomes.add(stock if isinstance(stock, str) else "saved")
    assert "saved" in outcomes
    # Where there is no room for a new key, all are moved together, and none is met twice.
    if size == 3 and place != "last":
        assert "dictionary keys changed during iteration" in outcomes


def forget_by_clearing(pickler: object) -> None:
    pickler.clear_memo()


def forget_through_the_memo(pickler: object) -> None:
    pickler.memo.clear()


def forget_by_another_memo(pickler: object) -> None:
    pickler.memo = {}


class Forgets:
    """Makes its pickler forget what it has saved."""

    def __init__(self, forget: Callable[[object], None]) -> None:
        self.forget = forget

    def __reduce__(self) -> tuple:
        self.forget(Stage.pickler)
        return str, ("forgotten",)


class Stage:
    """Where hooks find the pickler that runs."""

    pickler: object = None


def within_a_list(first: object, wrap: Callable[[object], object]) -> object:
    made: list = [first]
    made.append(wrap(made))
    return made


def within_a_dict(first: object, wrap: Callable[[object], object]) -> object:
    made: dict = {"first": first}
    made["second"] = wrap(made)
    return made


def within_an_instance(first: object, wrap: Callable[[object], object]) -> object:
    made = Plain(first=first)
    made.second = wrap(made)
    return made


class Hashed(Plain):
    """Attributes, within sets."""

    def __hash__(self) -> int:
        return 5


def fresh() -> list:
    """Things with a single holder each."""
    return [
        "".join(["fre", "sh"]),
        ["".join(["oth", "er"])],
        (1.5, "".join(["th", "ird"])),
        Plain(own="".join(["l", "ast"])),
    ]


WRAPS: dict[str, Callable[[object], object]] = {
    **{
        f"tuple of {size}": lambda made, size=size: (made, *(fresh() * size)[: size - 1])
        for size in (1, 2, 3, 4, 5, 30)
    },
    "tuple of a list": lambda made: ([made, *fresh()], *fresh()),
    "tuple within a tuple": lambda made: ((made, *fresh()), *fresh()),
    "frozenset": lambda made: frozenset([Hashed(back=made), *fresh()[::2]]),
    "instance": lambda made: Plain(back=made, tuple=(made, *fresh())),
    "named tuple": lambda made: Pair(made, fresh()[0]),
    "reduced": lambda made: Reduced(lambda: [made, *fresh()]),
    "dict": lambda made: {"back": made, "more": (made, *fresh()), "rest": fresh()},
    "deque": lambda made: collections.deque([made, (made, *fresh())]),
}


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("hold", [within_a_list, within_a_dict, within_an_instance])
@pytest.mark.parametrize("forget", [forget_by_clearing, forget_through_the_memo, forget_by_another_memo])
def test_what_is_met_again_after_the_memo_was_forgotten(
    wrap: str, hold: Callable, forget: Callable[[object], None]
) -> None:
    def dumped(engine: object, protocol: int) -> tuple[object, list]:
        stream = io.BytesIO()
        pickler = Stage.pickler = engine.Pickler(stream, protocol)
        try:
            pickler.dump([hold(Forgets(forget), WRAPS[wrap]), "after"])
            memo = [(index, type(held).__name__) for index, held in pickler.memo.copy().values()]
            return stream.getvalue(), sorted(memo)
        except RecursionError as error:
            return type(error).__name__, []
        finally:
            Stage.pickler = None

    outcomes = [dumped(_pickle, protocol) for protocol in PROTOCOLS]
    assert [dumped(brinery, protocol) for protocol in PROTOCOLS] == outcomes
    assert isinstance(outcomes[-1][0], bytes)


class Again:
    """Holds itself in what it is reduced to, so many times."""

    def __init__(self, times: int) -> None:
        self.times = times

    def __reduce__(self) -> tuple:
        self.times -= 1
        return Again, ((self,) if self.times > 0 else (1,))


@pytest.mark.parametrize("times", [10, 49, 50, 51, 200])
def test_reductions_within_themselves_in_fast_mode(times: int) -> None:
    def dumped(engine: object, protocol: int) -> bytes:
        stream = io.BytesIO()
        pickler = engine.Pickler(stream, protocol)
        pickler.fast = True
        pickler.dump(Again(times))
        return stream.getvalue()

    for protocol in PROTOCOLS:
        assert dumped(brinery, protocol) == dumped(_pickle, protocol)


class Changes:
    """Does something while it is saved."""

    def __init__(self, change: Callable[[], object]) -> None:
        self.change = change

    def __reduce__(self) -> tuple:
        self.change()
        return str, ("changed",)


class Queue(collections.deque):
    """A deque that is saved by its items."""


MAPPINGS: dict[str, Callable[[], dict]] = {
    "subclass": Keyed,
    "defaultdict": lambda: collections.defaultdict(int),
    "ordered": collections.OrderedDict,
    "counter": collections.Counter,
    "dict": dict,
}


def add(made: dict) -> None:
    made["new"] = 1


def take(made: dict) -> None:
    made.pop(next(iter(made)))


def exchange(made: dict) -> None:
    made["new"] = made.pop(next(iter(made)))


def behind_its_back(made: dict) -> None:
    dict.__setitem__(made, "new", 1)


def assert_alike_after_failures(make: Callable[[], object]) -> None:
    """Assert that both engines fail alike and remember the same."""
    for protocol in PROTOCOLS:
        outcomes = []
        for engine in (_pickle, brinery):
            pickler = engine.Pickler(io.BytesIO(), protocol)
            try:
                pickler.dump([make(), "after"])
                failed = ""
            except (RuntimeError, KeyError) as error:
                failed = f"{type(error).__name__}: {error}"
            memo = [(index, type(held).__name__) for index, held in pickler.memo.copy().values()]
            outcomes.append((failed, sorted(memo)))
        assert outcomes[1] == outcomes[0], protocol


@pytest.mark.parametrize("kind", MAPPINGS)
@pytest.mark.parametrize("change", [add, take, exchange, behind_its_back])
@pytest.mark.parametrize("place", [0, 1, -1])
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_memo_after_a_dict_was_changed(kind: str, change: Callable, place: int, size: int) -> None:
    def make() -> object:
        made = MAPPINGS[kind]()
        names = [f"name {number}" for number in range(size)]
        for number, name in enumerate(names):
            made[name] = [number, f"value {number}"]
        made[names[place % size]] = [
            Changes(lambda: change(made)),
            {"more": ["met", "behind"]},
            (Point(1, 2),),
        ]
        return made

    assert_alike_after_failures(make)


@pytest.mark.parametrize("kind", [Rows, collections.deque, Queue])
@pytest.mark.parametrize("change", ["append", "pop", "clear"])
@pytest.mark.parametrize("place", [0, 1, -1])
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_memo_after_a_sequence_was_changed(kind: Callable, change: str, place: int, size: int) -> None:
    def make() -> object:
        made = kind([number, f"value {number}"] for number in range(size))
        arguments = (["new"],) if change == "append" else ()
        changing = Changes(lambda: getattr(made, change)(*arguments))
        made[place % size] = [changing, {"more": ["met", "behind"]}, (Point(1, 2),)]
        return made

    assert_alike_after_failures(make)


class Watched:
    """A file that does something whenever it is written to."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.act, self.written = act, io.BytesIO()

    def write(self, data: bytes) -> int:
        self.act()
        return self.written.write(data)


def long_text(number: int, script: str) -> str:
    """Text that goes to a file at once."""
    return f"{script}{number}" * 40_000


@pytest.mark.parametrize("script", ["a", "é", "日", "😀"])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("change", ["clear", "pop", "append", "insert", "reverse"])
def test_a_list_that_writing_long_text_changes(script: str, size: int, change: str) -> None:
    arguments = {"append": ("new",), "insert": (0, "new")}.get(change, ())
    for protocol in PROTOCOLS:
        outcomes = []
        for engine in (_pickle, brinery):
            made = [long_text(number, script) for number in range(size)]
            # Before 3.11 the stock engine goes on with what is gone.
            kept = [*made] if engine is _pickle else None

            def act(made: list = made) -> None:
                if 0 < len(made) < 8:
                    getattr(made, change)(*arguments)

            file = Watched(act)
            engine.Pickler(file, protocol).dump(made)
            outcomes.append(file.written.getvalue())
            del kept
        assert outcomes[1] == outcomes[0]


@pytest.mark.parametrize("holder", [dict, Keyed, Plain, Both, Slotted, Point])
@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("change", ["take", "add", "replace"])
def test_attributes_that_writing_long_text_changes(holder: Callable, size: int, change: str) -> None:
    names = {Point: ("x", "y", "tags")}.get(holder, ("first", "second", "third"))[:size]

    def put(made: object, name: str, value: object) -> None:
        made.__setitem__(name, value) if isinstance(made, dict) else setattr(made, name, value)

    def take(made: object, name: str) -> None:
        made.pop(name, None) if isinstance(made, dict) else hasattr(made, name) and delattr(made, name)

    for protocol in range(2, 6):
        outcomes = []
        for engine in (_pickle, brinery):
            made = Point(0, 0) if holder is Point else holder()
            texts = [long_text(number, "a") for number in range(len(names))]
            for name, text in zip(names, texts):
                put(made, name, text)
            del text
            # Before 3.11 the stock engine goes on with what is gone.
            kept = texts if engine is _pickle else None
            del texts

            def act(made: object = made) -> None:
                if change == "take":
                    take(made, names[-1])
                elif change == "replace":
                    put(made, names[-1], ["in its place"])
                elif holder is not Slotted:
                    put(made, "new", 1)

            file = Watched(act)
            try:
                engine.Pickler(file, protocol).dump([made, made])
                outcomes.append(file.written.getvalue())
            except RuntimeError as error:
                outcomes.append(str(error))
            del kept
        assert outcomes[1] == outcomes[0], protocol


class Moves:
    """Moves something into another place while it is saved."""

    def __init__(self, where: list) -> None:
        self.where = where

    def __reduce__(self) -> tuple:
        found, target = self.where
        if found:
            target.append(found.pop())
        return str, ("moved",)


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("deep", [0, 1, 60])
def test_what_is_moved_into_itself_while_it_is_saved(wrap: str, deep: int) -> None:
    def dumped(engine: object, protocol: int) -> tuple[object, list]:
        inner: list = []
        holder: list = [None]
        inner.append(Moves([holder, inner]))
        nested: object = inner
        for _ in range(deep):
            nested = [nested]
        holder[0] = WRAPS[wrap](nested)
        stream = io.BytesIO()
        pickler = engine.Pickler(stream, protocol)
        try:
            pickler.dump([holder, "after"])
        except RecursionError as error:
            return type(error).__name__, []
        memo = [(index, type(held).__name__) for index, held in pickler.memo.copy().values()]
        return stream.getvalue(), sorted(memo)

    outcomes = [dumped(_pickle, protocol) for protocol in PROTOCOLS]
    assert [dumped(brinery, protocol) for protocol in PROTOCOLS] == outcomes
    assert isinstance(outcomes[-1][0], bytes)
