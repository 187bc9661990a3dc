"""Instances are filled without a dict between: nothing else may change."""

from __future__ import annotations

import _pickle
import ast
import collections
import fractions
import functools
import gc
import inspect
import pickletools
import sys
import types
import uuid
import weakref
from collections.abc import Callable
from dataclasses import dataclass

import pytest

import brinery

PROTOCOLS = range(6)


class Plain:
    """An ordinary class."""


class Described:
    """A data descriptor under the name of an attribute: BUILD goes past it."""

    @property
    def size(self) -> str:
        """What the descriptor says."""
        return "from the property"


class Counting:
    """Overrides __setattr__, which BUILD does not call."""

    calls = 0

    def __setattr__(self, name: str, value: object) -> None:
        type(self).calls += 1
        super().__setattr__(name, value)


class Meta(type):
    """A metaclass that makes instances in its own way, which NEWOBJ does not ask."""

    def __call__(cls, *args: object) -> object:
        return "from the metaclass"


class WithMeta(metaclass=Meta):
    """A class of that metaclass."""


class Slotted:
    """Slots, one of which a subclass shadows."""

    __slots__ = ("left", "right")


class Shadowing(Slotted):
    """A property under the name of a slot."""

    __slots__ = ("extra",)

    @property
    def left(self) -> str:
        """What the property says."""
        return "shadow"

    @left.setter
    def left(self, value: object) -> None:
        self.extra = ("set", value)


class Words(list):
    """A list with attributes."""


class Loud(list):
    """A list whose extend is its own."""

    def extend(self, items: object) -> None:
        super().extend(("loud", item) for item in items)


class Table(dict):
    """A dict that sets items in its own way."""

    def __setitem__(self, key: object, value: object) -> None:
        super().__setitem__(key, ("set", value))


class Stated:
    """Takes its state by a function."""

    def __setstate__(self, state: object) -> None:
        self.__dict__["state"] = state


Pair = collections.namedtuple("Pair", "left right")


class NamedPair(Pair):
    """A subclass with a dict."""


@dataclass(frozen=True)
class Frozen:
    """A frozen dataclass."""

    number: int
    name: str


def plain(**attributes: object) -> Plain:
    """Make an instance."""
    made = Plain()
    made.__dict__.update(attributes)
    return made


def both(data: bytes) -> tuple[object, object]:
    """Load with both engines."""
    return brinery.loads(data), _pickle.loads(data)


def outcomes(data: bytes, look: Callable[[object], object]) -> list[object]:
    """What there is to see of what both loads make, or their errors."""
    found = []
    for load in (brinery.loads, _pickle.loads):
        try:
            made = load(data)
        except Exception as error:
            found.append((type(error), str(error)))
        else:
            found.append(look(made))
    return found


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_attributes_come_in_the_order_of_the_state(protocol: int) -> None:
    objects = [
        plain(a=1, b=2, c=3),
        plain(c=3, a=1, b=2),
        plain(b=1),
        plain(**{"no name": 1, "a": 2}),
        plain(),
    ]
    ours, stock = both(_pickle.dumps(objects * 3, protocol))
    assert [list(vars(made).items()) for made in ours] == [list(vars(made).items()) for made in stock]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_names_of_attributes_are_interned_as_ever(protocol: int) -> None:
    name = "_".join(["attribute", "made", "up"])
    objects = [Plain(), Plain()]
    for made in objects:
        setattr(made, name, 1)
    ours, _ = both(_pickle.dumps(objects, protocol))
    (first,), (second,) = (list(vars(made)) for made in ours)
    assert first is second is sys.intern("attribute_made_up")


def test_values_that_are_shared_stay_so() -> None:
    part = ["part"]
    made = brinery.loads(_pickle.dumps([plain(a=part), plain(a=part, b=[part])]))
    assert made[0].a is made[1].a is made[1].b[0]


def test_a_state_that_is_fetched_later_stays_a_dict_of_its_own() -> None:
    # The state dict is stored under index 1 and fetched after BUILD.
    stream = b"\x80\x04ctests.fast_paths.test_load_instances\nPlain\n)\x81\x94}\x94\x8c\x01aK\x01sbh\x01\x86."
    for load in (brinery.loads, _pickle.loads):
        made, state = load(stream)
        assert vars(made) == state == {"a": 1} and vars(made) is not state
        state["b"] = 2
        assert vars(made) == {"a": 1}


def test_the_same_key_twice_leaves_one_attribute() -> None:
    head = b"\x80\x04ctests.fast_paths.test_load_instances\nPlain\n)\x81}(\x8c\x01a"
    stream = head + b"\x8c\x03one\x8c\x01bK\x00\x8c\x01a\x8c\x03twoub."
    ours, stock = both(stream)
    assert list(vars(ours).items()) == list(vars(stock).items()) == [("a", "two"), ("b", 0)]


def test_two_states_add_up() -> None:
    head = b"\x80\x04ctests.fast_paths.test_load_instances\nPlain\n)\x81"
    stream = head + b"}(\x8c\x01aK\x01\x8c\x01bK\x02ub}(\x8c\x01bK\x03\x8c\x01cK\x04ub."
    ours, stock = both(stream)
    assert list(vars(ours).items()) == list(vars(stock).items()) == [("a", 1), ("b", 3), ("c", 4)]


def test_keys_that_are_no_names_are_kept() -> None:
    head = b"\x80\x04ctests.fast_paths.test_load_instances\nPlain\n)\x81"
    ours, stock = both(head + b"}(K\x07\x8c\x01x\x8c\x02\xc3\xa9K\x01ub.")
    assert vars(ours) == vars(stock) == {7: "x", "é": 1}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_descriptors_and_setattr_are_not_asked(protocol: int) -> None:
    described = Described()
    described.__dict__["size"] = 5
    counting = Counting()
    counting.__dict__["value"] = 1
    data = _pickle.dumps([described, described, counting], protocol)
    calls = Counting.calls
    ours, _ = both(data)
    assert vars(ours[0]) == {"size": 5} and ours[0].size == "from the property"
    assert vars(ours[2]) == {"value": 1} and Counting.calls == calls


@pytest.mark.parametrize("protocol", range(2, 6))
def test_a_metaclass_is_not_asked(protocol: int) -> None:
    made = object.__new__(WithMeta)
    made.value = 1
    ours, stock = both(_pickle.dumps([made, made], protocol))
    assert type(ours[0]) is type(stock[0]) is WithMeta and ours[0].value == 1


@pytest.mark.parametrize("protocol", range(2, 6))
def test_slots_are_set_by_name(protocol: int) -> None:
    slotted = Slotted()
    slotted.left, slotted.right = [1], 2
    partial = Slotted()
    partial.right = 3
    ours, stock = both(_pickle.dumps([slotted, partial, slotted], protocol))
    assert (ours[0].left, ours[0].right, ours[1].right, hasattr(ours[1], "left")) == ([1], 2, 3, False)
    assert ours[0] is ours[2]
    state = b"\x80\x04ctests.fast_paths.test_load_instances\nShadowing\n)\x81N}\x8c\x04leftK\x05s\x86b."
    ours, stock = both(state)
    assert ours.extra == stock.extra == ("set", 5)


def test_a_slot_that_does_not_exist_is_an_error() -> None:
    state = b"\x80\x04ctests.fast_paths.test_load_instances\nSlotted\n)\x81N}\x8c\x04middK\x05s\x86b."
    for load in (brinery.loads, _pickle.loads):
        with pytest.raises(AttributeError):
            load(state)


def test_a_class_may_change_between_loads_and_during_one() -> None:
    class_ = type("Changing", (), {"__module__": __name__, "__qualname__": "Changing"})
    globals()["Changing"] = class_
    try:
        made = class_()
        made.value = 1
        data = _pickle.dumps([made] * 2 + [class_()], 4)
        assert vars(brinery.loads(data)[0]) == {"value": 1}
        class_.__setstate__ = lambda self, state: self.__dict__.update(state, changed=True)
        assert vars(brinery.loads(data)[0]) == {"value": 1, "changed": True}
        del class_.__setstate__
        assert vars(brinery.loads(data)[0]) == {"value": 1}
        class_.__getattr__ = lambda self, name: (_ for _ in ()).throw(RuntimeError(name))
        with pytest.raises(RuntimeError, match="__setstate__"):
            brinery.loads(data)
    finally:
        del globals()["Changing"]


class Changer:
    """Gives Plain a __setstate__ while it is loaded."""

    def __setstate__(self, state: object) -> None:
        Plain.__setstate__ = lambda self, state: self.__dict__.update(late=state)


def test_a_class_that_changes_during_a_load_is_looked_at_again() -> None:
    changer = Changer()
    changer.x = 1
    data = _pickle.dumps([plain(a=1), plain(a=2), changer, plain(a=3)], 4)
    results = []
    for load in (brinery.loads, _pickle.loads):
        try:
            results.append([vars(made) for made in load(data)])
        finally:
            del Plain.__setstate__
    assert results[0] == results[1] == [{"a": 1}, {"a": 2}, {}, {"late": {"a": 3}}]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_setstate_of_the_instance_stands_before_that_of_the_class(protocol: int) -> None:
    # The state is set twice: at the second time the instance has an attribute `__setstate__`.
    head = b"\x80\x04ctests.fast_paths.test_load_instances\nPlain\n)\x81"
    stream = head + b"}\x8c\x0c__setstate__cbuiltins\nlist\nsb}\x8c\x01aK\x01sb."
    ours, stock = both(stream)
    assert vars(ours) == vars(stock) == {"__setstate__": list}
    assert type(brinery.loads(_pickle.dumps(Stated(), protocol))) is Stated


def test_subclasses_of_containers_keep_their_ways() -> None:
    words, loud, table = Words(["a"]), Loud(), Table()
    words.language = "en"
    list.extend(loud, [1, 2])
    dict.update(table, a=1)
    ours, stock = both(_pickle.dumps([words, loud, table, words], 4))
    assert ours[:3] == stock[:3] and ours[1] == [("loud", 1), ("loud", 2)] and ours[2] == {"a": ("set", 1)}
    assert ours[0].language == "en" and ours[0] is ours[3]


def test_an_extend_of_the_instance_is_used() -> None:
    head = b"\x80\x04ctests.fast_paths.test_load_instances\nWords\n)\x81\x94"
    stream = head + b"}\x8c\x06extendcbuiltins\nprint\nsb(K\x01K\x02e."
    ours, stock = both(stream)
    assert list(ours) == list(stock) == []


def test_instances_can_be_referred_to_weakly_and_collected() -> None:
    made = brinery.loads(_pickle.dumps([plain(a=1), plain(a=2)]))
    made[0].other, made[1].other = made[1], made[0]
    watched = weakref.ref(made[0])
    del made
    gc.collect()
    assert watched() is None


def test_loaded_instances_have_no_dict_of_their_own_until_asked() -> None:
    objects = [plain(a=number, b="x") for number in range(200)]
    data = _pickle.dumps(objects)
    tracked = sum(type(obj) is dict for obj in gc.get_objects())
    made = brinery.loads(data)
    more = sum(type(obj) is dict for obj in gc.get_objects()) - tracked
    if sys.version_info >= (3, 11):
        assert more < 100
    assert [vars(obj) for obj in made] == [vars(obj) for obj in objects]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_named_tuples_keep_class_and_attributes(protocol: int) -> None:
    extra = NamedPair(1, 2)
    extra.note = "n"
    ours, stock = both(_pickle.dumps([Pair(1, 2), Pair("a", None), extra], protocol))
    assert ours == stock and [type(pair) for pair in ours] == [Pair, Pair, NamedPair]
    assert ours[2].note == "n"


def test_a_named_tuple_with_a_new_of_its_own_is_made_by_it() -> None:
    original = Pair.__new__
    data = _pickle.dumps([Pair(1, 2), Pair(3, 4)])
    try:
        Pair.__new__ = lambda cls, left, right: original(cls, right, left)
        assert brinery.loads(data) == [(2, 1), (4, 3)]
        Pair.__new__ = original
        assert brinery.loads(data) == [(1, 2), (3, 4)]
    finally:
        Pair.__new__ = original


def test_wrong_arguments_fail_as_ever() -> None:
    module = b"ctests.fast_paths.test_load_instances\n"
    for stream in (
        module + b"Pair\n)\x81.",
        module + b"Plain\nK\x01\x85\x81.",
        module + b"Stated\nK\x01\x85R.",
    ):
        for load in (brinery.loads, _pickle.loads):
            with pytest.raises(TypeError):
                load(stream)


def test_an_init_that_returns_something_is_an_error() -> None:
    class_ = type("Odd", (), {"__module__": __name__, "__qualname__": "Odd", "__init__": lambda self: 5})
    globals()["Odd"] = class_
    try:
        stream = b"ctests.fast_paths.test_load_instances\nOdd\n)R."
        for load in (brinery.loads, _pickle.loads):
            with pytest.raises(TypeError, match="__init__"):
                load(stream)
    finally:
        del globals()["Odd"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_standard_types_made_natively_are_the_same(protocol: int) -> None:
    import datetime as dt

    objects = [
        *(fractions.Fraction(a, b) for a, b in [(1, 3), (-7, 2), (0, 1), (5, 1), (10**30, 7), (-(2**62), 3)]),
        *(dt.timedelta(a, b, c) for a, b, c in [(0, 0, 0), (-1, 5, 7), (999_999_999, 86_399, 999_999)]),
        dt.datetime(2020, 2, 29, 1, 2, 3, 4),
        dt.datetime(2020, 2, 29, tzinfo=dt.timezone.utc),
        dt.datetime(2020, 2, 29, tzinfo=dt.timezone(dt.timedelta(hours=1), "x"), fold=1),
        dt.date(1, 1, 1),
        dt.time(1, 2),
        uuid.UUID(int=1),
        uuid.UUID(int=2**128 - 1),
        uuid.uuid1(),
        collections.Counter("abca"),
        collections.Counter(),
        collections.OrderedDict(a=1),
        collections.deque([1], 3),
        collections.defaultdict(list, a=[1]),
    ]
    ours, stock = both(_pickle.dumps(objects, protocol))
    assert ours == stock == objects
    assert [type(made) for made in ours] == [type(made) for made in objects]
    assert [made.is_safe for made in ours if isinstance(made, uuid.UUID)] == [
        made.is_safe for made in stock if isinstance(made, uuid.UUID)
    ]
    assert [repr(made) for made in ours] == [repr(made) for made in stock]


def test_fractions_that_are_not_in_lowest_terms_are_reduced() -> None:
    for text in ("6/4", "-6/4", "3/-4", "4/0", "0/5", " 1/2", "1_0/3", "1/2/3", "", "-", "0.5", "٣/4"):
        encoded = text.encode()
        stream = b"cfractions\nFraction\n\x8c" + bytes([len(encoded)]) + encoded + b"\x85R."
        results = []
        for load in (brinery.loads, _pickle.loads):
            try:
                results.append(load(stream))
            except Exception as error:
                results.append(type(error))
        assert results[0] == results[1], text


def test_methods_of_the_library_that_were_replaced_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    original = uuid.UUID.__setstate__
    data = _pickle.dumps([uuid.UUID(int=5), uuid.UUID(int=6)])
    assert brinery.loads(data)[0].int == 5

    def watched(self: uuid.UUID, state: dict) -> None:
        calls.append(state)
        original(self, state)

    monkeypatch.setattr(uuid.UUID, "__setstate__", watched)
    assert brinery.loads(data) == _pickle.loads(data)
    assert len(calls) == 4


def test_frozen_dataclasses_are_filled() -> None:
    ours, stock = both(_pickle.dumps([Frozen(1, "a"), Frozen(2, "b")]))
    assert ours == stock


def test_the_streams_here_say_what_they_should() -> None:
    stream = b"\x80\x04ctests.fast_paths.test_load_instances\nPlain\n)\x81}\x8c\x01aK\x01sb."
    names = [opcode.name for opcode, _, _ in pickletools.genops(stream)]
    assert names[-3:] == ["SETITEM", "BUILD", "STOP"]


class Wide:
    """A class whose instances have more attributes than share their keys."""

    def __init__(self, count: int) -> None:
        for number in range(count):
            setattr(self, f"attribute_{number}", number)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("count", [29, 30, 31, 45, 300])
def test_instances_of_many_attributes_are_whole(protocol: int, count: int) -> None:
    made = brinery.loads(_pickle.dumps([Wide(count), Wide(count)], protocol))
    for instance in made:
        assert vars(instance) == vars(Wide(count)) and list(vars(instance)) == list(vars(Wide(count)))
        assert all(name is sys.intern(name) for name in vars(instance))
        instance.attribute_3 = "changed"
        del instance.attribute_4
        assert instance.attribute_3 == "changed" and not hasattr(instance, "attribute_4")
    assert vars(made[0]) is not vars(made[1])


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("count", [0, 1, 5, 30, 31, 200])
def test_namespaces_get_their_state(protocol: int, count: int) -> None:
    values = [types.SimpleNamespace(**{f"name {n}": [n] for n in range(count)}) for _ in range(3)]
    values += [types.SimpleNamespace(self=values, value=number) for number in range(3)]
    made = brinery.loads(_pickle.dumps(values, protocol))
    assert made[:3] == values[:3] and [list(vars(one)) for one in made] == [list(vars(one)) for one in values]
    assert all(one.self is made for one in made[3:])
    assert all(name is sys.intern(name) for one in made for name in vars(one))
    made[0].new = 1
    assert vars(made[0])["new"] == 1 and not hasattr(made[1], "new")


#: A namespace that gets a state of the dict on the stack, before which things happen to the namespace or to the dict.
SPACE = b"\x80\x04ctypes\nSimpleNamespace\n)R\x94"


@pytest.mark.parametrize(
    "stream",
    [
        SPACE + b"}\x94(\x8c\x01a\x94K\x01\x8c\x01b\x94K\x02ubh\x00h\x01\x86.",
        SPACE + b"}\x94(\x8c\x01a\x94K\x01\x8c\x01b\x94K\x02ubh\x02h\x03\x86.",
        SPACE + b"}\x94(\x8c\x01aK\x01\x8c\x01aK\x02ub.",
        SPACE + b"}\x94(K\x01K\x02ub.",
        SPACE + b"}\x94(\x8c\x01aK\x02K\x01K\x02ub.",
        SPACE + b"}(\x8c\x01aK\x02ub}(\x8c\x01bK\x03ub.",
        SPACE + b"}(\x8c\x01aK\x02ub}(\x8c\x01aK\x03ub.",
        SPACE + b"}\x94\x8c\x01aK\x02sh\x01\x8c\x01bK\x03sb.",
        SPACE + b"N}\x8c\x01aK\x02s\x86b.",
        SPACE + b"}(\x8c\x01a]ub\x940h\x01.",
    ],
)
def test_states_of_namespaces_that_are_fetched_or_odd(stream: bytes) -> None:
    ours, stock = outcomes(stream, repr)
    assert ours == stock


def test_a_dict_of_a_namespace_that_others_hold_is_filled() -> None:
    space = types.SimpleNamespace()
    held = vars(space)
    Giving.space = space
    stream = b"\x80\x04c" + __name__.encode() + b"\ngive\n)R}(\x8c\x01aK\x02ub."
    assert brinery.loads(stream) is space and held is vars(space) and held == {"a": 2}


class Giving:
    """Holds what :func:`give` gives."""

    space: types.SimpleNamespace


def give() -> types.SimpleNamespace:
    """A namespace that somebody else has, too."""
    return Giving.space


@pytest.mark.parametrize("protocol", range(6))
def test_native_methods_that_set_a_state_are_called(protocol: int) -> None:
    values = [functools.partial(int, base=number % 30 + 2) for number in range(20)]
    for number, value in enumerate(values):
        value.number = number
    errors = [ValueError(number) for number in range(20)]
    for error in errors:
        error.code = error.args
    made = brinery.loads(_pickle.dumps([values, errors], protocol))
    assert [repr(value) for value in made[0]] == [repr(value) for value in values]
    assert [vars(value) for value in made[0]] == [vars(value) for value in values]
    assert [vars(error) for error in made[1]] == [vars(error) for error in errors]


class ListWith(list):
    """A list with attributes."""


class DictWith(dict):
    """A dict with attributes."""


class SetWith(set):
    """A set with attributes."""


class StrWith(str):
    """A string with attributes."""


class IntWith(int):
    """A number with attributes."""


class TupleWith(tuple):
    """A tuple with attributes."""


class ErrorWith(ValueError):
    """An error with attributes."""


class Watching(list):
    """A list whose class sees what is set."""

    seen: list[str] = []

    def __setattr__(self, name: str, value: object) -> None:
        self.seen.append(name)
        super().__setattr__(name, value)


class SlottedWith(list):
    """A list with a slot and a dict."""

    __slots__ = ("__dict__", "slot")


SUBCLASSES: list[tuple[type, object]] = [
    (ListWith, [1, 2]),
    (DictWith, {"a": 1}),
    (SetWith, {1, 2}),
    (StrWith, "text"),
    (IntWith, 2**70),
    (TupleWith, (1, 2)),
    (ErrorWith, "why"),
    (Watching, [1]),
    (SlottedWith, [1]),
]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("count", [0, 1, 2, 5, 30, 31, 200])
@pytest.mark.parametrize("kind, content", SUBCLASSES, ids=lambda value: getattr(value, "__name__", ""))
def test_subclasses_of_builtin_classes_get_their_attributes(
    kind: type, content: object, count: int, protocol: int
) -> None:
    if kind is SlottedWith and protocol < 2:
        with pytest.raises(TypeError, match="__slots__"):
            brinery.dumps(kind(content), protocol)
        return
    values = [kind(content) for _ in range(4)]
    for number, value in enumerate(values):
        for name in range(count - number % 2):
            setattr(value, f"name_{name}", [name, values[number - 1]] if name % 2 else number)
    data = _pickle.dumps(values, protocol)
    made, stock = brinery.loads(data), _pickle.loads(data)
    for one, other in zip(made, stock):
        assert type(one) is kind and list(vars(one)) == list(vars(other))
        assert all(name is sys.intern(name) for name in vars(one))
        assert gc.is_tracked(vars(one)) or not any(gc.is_tracked(value) for value in vars(one).values())
    # Sharing, cycles and order are in the bytes.
    assert _pickle.dumps(made, protocol) == _pickle.dumps(stock, protocol)
    made[0].new = 1
    assert vars(made[0])["new"] == 1 and not hasattr(made[1], "new")
    del made[0].new
    assert not hasattr(made[0], "new")


@pytest.mark.parametrize("kind", ["ListWith", "DictWith", "IntWith", "SlottedWith", "Watching"])
@pytest.mark.parametrize(
    "rest",
    [
        b"}\x94(\x8c\x01a\x94K\x01\x8c\x01b\x94K\x02ubh\x00h\x01\x86.",
        b"}\x94(\x8c\x01a\x94K\x01\x8c\x01b\x94K\x02ubh\x02h\x03\x86.",
        b"}\x94(\x8c\x01aK\x01\x8c\x01aK\x02ub.",
        b"}\x94(K\x01K\x02ub.",
        b"}(\x8c\x01aK\x02ub}(\x8c\x01bK\x03ub.",
        b"}(\x8c\x01aK\x02ub}(\x8c\x01aK\x03ub.",
        b"}\x94\x8c\x01aK\x02sh\x01\x8c\x01bK\x03sb.",
        b"N}\x8c\x01aK\x02s\x86b.",
        b"}\x8c\x04slotK\x02sb.",
        b"N}\x8c\x04slotK\x02s\x86b.",
        b"}(\x8c\x01a]ub\x940h\x01.",
    ],
)
def test_states_of_subclasses_that_are_fetched_or_odd(kind: str, rest: bytes) -> None:
    stream = b"\x80\x04c" + __name__.encode() + b"\n" + kind.encode() + b"\n)\x81\x94" + rest
    # Twice in one stream, so that the second state finds the names of the first one known.
    twice = stream[:-1] + stream[2:-1].replace(b"h\x00", b"N").replace(b"h\x01", b"N") + b"\x86."
    for data in (stream, twice):
        results = []
        for load in (brinery.loads, _pickle.loads):
            Watching.seen.clear()
            try:
                made = load(data)
            except Exception as error:
                results.append((type(error), str(error)))
            else:
                parts = made if type(made) is tuple else (made,)
                attributes = [getattr(part, "__dict__", None) for part in parts]
                slots = [getattr(part, "slot", None) for part in parts]
                results.append((repr(made), attributes, slots, list(Watching.seen)))
        assert results[0] == results[1]


def test_a_dict_that_an_instance_has_already_is_filled() -> None:
    Giving.space = held = ListWith()
    attributes = vars(held)
    stream = b"\x80\x04c" + __name__.encode() + b"\ngive\n)R}(\x8c\x01aK\x02ub."
    assert brinery.loads(stream) is held and attributes is vars(held) and attributes == {"a": 2}


def state(made: object) -> object:
    """What an object or those in a tuple have in their dicts and slots."""
    parts = made if type(made) is tuple else (made,)
    slots = [[getattr(part, name, None) for name in ("left", "right")] for part in parts]
    return repr(type(made)), [getattr(part, "__dict__", part) for part in parts], slots


#: Forty items for a dict.
FORTY = b"".join(b"\x8c\x03n%02d\x94K%c" % (number, number) for number in range(40))


@pytest.mark.parametrize(
    "rest",
    [
        b"}\x94(" + FORTY + b"ubh\x00h\x01\x86.",
        b"}\x94(" + FORTY + b"ubh\x02h\x05\x86.",
        b"}(" + FORTY + b"\x8c\x03n01K\x01ub.",
        b"}(" + FORTY + b"K\x07K\x01ub.",
        b"}(" + FORTY + b"\x8c\x02\xc3\xa9K\x01ub.",
        b"}\x8c\x01aK\x02sb}(" + FORTY + b"ub.",
        b"}(" + FORTY + b"ub}(" + FORTY + b"\x8c\x01aK\x02ub.",
        b"}(" + FORTY + b"\x8c\x04selfh\x00ub.",
        b"}(" + FORTY + b"\x8c\x0c__setstate__\x8c\x01aub}\x8c\x01bK\x01sb.",
        b"N}(" + FORTY + b"u\x86b.",
    ],
)
def test_states_of_many_attributes_that_are_fetched_or_odd(rest: bytes) -> None:
    stream = b"\x80\x04c" + __name__.encode() + b"\nPlain\n)\x81\x94" + rest
    ours, stock = outcomes(stream, state)
    # The object itself may be among its attributes.
    assert repr(ours).split(" at 0x")[0] == repr(stock).split(" at 0x")[0]


class Both:
    """Slots and a dict."""

    __slots__ = ("left", "right", "__dict__", "__weakref__")


class BothDerived(Both):
    """A subclass with a dict already there."""


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("kind", [Both, BothDerived])
def test_slots_and_attributes_beside_each_other(kind: type, protocol: int) -> None:
    values = [kind() for _ in range(5)]
    for number, value in enumerate(values):
        value.left, value.attribute, value.other = number, [number], values[number - 1]
        if number % 2:
            value.right = value.attribute
    data = _pickle.dumps(values, protocol)
    made, stock = brinery.loads(data), _pickle.loads(data)
    assert _pickle.dumps(made, protocol) == _pickle.dumps(stock, protocol)
    assert [list(vars(one)) for one in made] == [list(vars(one)) for one in stock]
    assert all(name is sys.intern(name) for one in made for name in vars(one))
    assert all(one.other is made[number - 1] for number, one in enumerate(made))


@pytest.mark.parametrize("kind", ["Both", "BothDerived", "Slotted", "Plain"])
@pytest.mark.parametrize(
    "rest",
    [
        b"}\x94\x8c\x01aK\x01s}\x94\x8c\x04leftK\x02s\x86\x94bh\x01h\x02h\x03\x87.",
        b"}\x94\x8c\x01aK\x01s}\x94\x8c\x04leftK\x02s\x86\x94b0h\x03.",
        b"}\x94\x8c\x01aK\x01s}\x94\x8c\x04leftK\x02s\x86bh\x01\x86.",
        b"}\x8c\x04leftK\x01s}\x8c\x04leftK\x02s\x86b.",
        b"}\x8c\x01aK\x01s}\x8c\x01aK\x02s\x86b.",
        b"}K\x01K\x01s}\x8c\x04leftK\x02s\x86b.",
        b"]}\x8c\x04leftK\x02s\x86b.",
        b"}}\x8c\x04leftK\x02s\x86b.",
        b"}\x8c\x01aK\x01s}\x8c\x04leftK\x02s\x86b}\x8c\x01bK\x01s}\x8c\x05rightK\x03s\x86b.",
        b"}\x8c\x0c__setstate__\x8c\x01as}\x8c\x04leftK\x02s\x86bN}\x8c\x05rightK\x03s\x86b.",
        b"}\x8c\x0c__setstate__\x8c\x01asbN}\x8c\x05rightK\x03s\x86b.",
    ],
)
def test_states_of_slots_and_attributes_that_are_fetched_or_odd(kind: str, rest: bytes) -> None:
    stream = b"\x80\x04c" + __name__.encode() + b"\n" + kind.encode() + b"\n)\x81\x94" + rest
    ours, stock = outcomes(stream, state)
    assert ours == stock


class FloatWith(float):
    """A subclass of float with attributes."""


class BytesWith(bytes):
    """A subclass of bytes with attributes."""


class BareInt(int):
    """A subclass of int that adds nothing."""

    __slots__ = ()


class Doubled(int):
    """A subclass that makes its instances in its own way."""

    def __new__(cls, value: int = 0) -> Doubled:
        """Make one of twice the value."""
        return super().__new__(cls, 2 * value)


VALUES = {
    IntWith: [0, 1, -1, 255, 2**29, 2**30 - 1, 2**30, -(2**30), 2**60, -(2**63), 2**64, 2**500, -(2**500)],
    BareInt: [0, 5, -5, 2**31, -(2**100)],
    Doubled: [0, 4, -4],
    FloatWith: [0.0, -0.0, 1.5, float("inf"), float("-inf"), 1e308],
    BytesWith: [b"", b"a", b"\0" * 3, b"bytes" * 100],
    StrWith: ["", "a", "text", "\xe9", "\u0436" * 20, "\U0001f600", "x" * 1000, "\ud800"],
    TupleWith: [(), (1,), (1, "two"), tuple(range(50))],
}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__name__)
def test_values_of_derived_classes_are_whole(kind: type, protocol: int) -> None:
    values = [kind(value) for value in VALUES[kind]]
    values += values[:2] + [{value: value for value in values}]
    for value in values[:2]:
        if hasattr(value, "__dict__"):
            value.itself = value
    data = _pickle.dumps(values, protocol)
    made, stock = brinery.loads(data), _pickle.loads(data)
    assert made == stock and list(map(repr, made)) == list(map(repr, stock))
    assert [type(value) for value in made] == [type(value) for value in stock]
    assert [hash(value) for value in made[:-1]] == [hash(value) for value in stock[:-1]]
    assert [sys.getsizeof(value) for value in made] == [sys.getsizeof(value) for value in stock]
    assert [gc.is_tracked(value) for value in made] == [gc.is_tracked(value) for value in stock]
    assert _pickle.dumps(made, protocol) == _pickle.dumps(stock, protocol)
    if kind is IntWith:
        assert [value + 1 for value in made[:-1]] == [value + 1 for value in stock[:-1]]
        assert [value * value for value in made[:-1]] == [value * value for value in stock[:-1]]


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(
    "argument",
    [
        b")",
        b"K\x07\x85",
        b"\x88\x85",
        b"N\x85",
        b"\x8c\x017\x85",
        b"C\x017\x85",
        b"G?\xf8\0\0\0\0\0\0\x85",
        b"]K\x01a\x85",
        b")\x85",
        b"K\x07K\x08\x86",
        b"K\x07\x94\x85\x94",
        b"C\x017\x8c\x05ascii\x86",
    ],
)
def test_derived_classes_take_the_arguments_that_they_did(kind: type, argument: bytes) -> None:
    class_ = b"\x80\x04c" + __name__.encode() + b"\n" + kind.__name__.encode() + b"\n"
    tuples = [
        class_ + argument + b"\x81.",
        class_ + argument + b"\x81\x94h\x00\x86.",
        class_ + argument + b"R.",
    ]
    for stream in tuples:
        ours, stock = outcomes(stream, lambda made: (repr(made), type(made)))
        assert ours == stock


def test_a_derived_class_may_get_a_new_of_its_own() -> None:
    data = _pickle.dumps([IntWith(1), IntWith(2)])
    assert brinery.loads(data) == [1, 2]
    try:
        IntWith.__new__ = lambda cls, value: int.__new__(cls, value + 10)
        assert brinery.loads(data) == [11, 12]
    finally:
        del IntWith.__new__
    assert brinery.loads(data) == _pickle.loads(data)


#: An instance of a class written in C that makes its dict when it is asked for.
NODE = b"\x80\x04c_ast\nName\n)R"


@pytest.mark.parametrize(
    "state",
    [
        b"}(\x8c\x01aK\x01\x8c\x01bK\x02ub.",
        b"}\x94(\x8c\x01aK\x01\x8c\x01bK\x02ubh\x00\x86.",
        b"}(\x8c\x01a]\x8c\x01bK\x00\x8c\x01a]ub.",
        b"}(\x8c\x01aK\x01ub}(\x8c\x01bK\x03\x8c\x01cK\x04ub.",
        b"}(K\x07\x8c\x01x\x8c\x02\xc3\xa9K\x01ub.",
        b"}\x8c\x0c__setstate__K\x01sb}\x8c\x01aK\x02sb.",
        b"}\x8c\x0a_fields_ofK\x01sb}(\x8c\x01aK\x02ub.",
        b"N}(\x8c\x01aK\x01u\x86b.",
    ],
    ids="two fetched twice added numbers hook other pair".split(),
)
def test_nodes_of_a_syntax_tree_get_their_attributes_as_from_a_dict(state: bytes) -> None:
    def look(made: object) -> object:
        node, extra = made if isinstance(made, tuple) else (made, None)
        assert extra is None or vars(node) is not extra
        return type(node), list(vars(node).items()), extra

    ours, stock = outcomes(NODE + state, look)
    assert ours == stock


def test_nodes_share_the_names_of_attributes_and_their_values() -> None:
    tree = ast.parse(inspect.getsource(sys.modules[__name__]))
    for protocol in (2, 4, 5):
        made, stock = both(_pickle.dumps(tree, protocol))
        assert ast.dump(made, include_attributes=True) == ast.dump(stock, include_attributes=True)
        assert all(name is sys.intern(str(name)) for node in ast.walk(made) for name in vars(node))
        assert brinery.dumps(made, protocol) == _pickle.dumps(stock, protocol)
