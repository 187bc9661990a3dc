"""Attacks on what is judged while it is made: states, items and members for what was not made for them, and memory to match."""

from __future__ import annotations

import collections
import enum
import functools
import operator
import pickle
import re
import types

import pytest

import brinery

from .assembly import call, glob, inst, newobj, obj, text, tup
from .harness import prove, refuse

VICTIMS = "tests.attacks.victims"
SYSTEM = glob("os", "system")
COMMAND = text("touch effect")
PARTIAL = glob("functools", "partial")

EFFECTIVE = {
    "a command by INST": b"\x80\x02" + inst("os", "system", COMMAND) + b".",
    "a command by OBJ": b"\x80\x02" + obj(SYSTEM, COMMAND) + b".",
    "a command in a partial": b"\x80\x02" + call(PARTIAL, SYSTEM, COMMAND) + b"\x85.",
    "a command in the state of a partial": b"\x80\x02"
    + call(PARTIAL, glob("operator", "itemgetter"))
    + tup(SYSTEM, tup(COMMAND), b"N", b"N")
    + b"b\x85.",
    "a partial of a partial": b"\x80\x02" + call(PARTIAL, call(PARTIAL, SYSTEM), COMMAND) + b"\x85.",
    "a member that is a function": b"\x80\x02"
    + call(call(glob("builtins", "getattr"), glob("os", "path"), text("os")), b"")[:-3]
    + b"0"
    + call(call(glob("builtins", "getattr"), glob(VICTIMS, "os"), text("system")), COMMAND)
    + b".",
}
GRANTING = [
    "stdlib|numpy",
    "Policy('stdlib') | Policy.allow('operator:itemgetter', value=True, call='tuple[any]')"
    " | Policy.allow('tests.attacks.victims:os', members=['*']) | Policy.allow('os:path', members=['*'])",
]


def test_they_work_on_the_stock_engine() -> None:
    prove(EFFECTIVE)


def test_they_are_refused() -> None:
    refuse(EFFECTIVE, GRANTING)


class Level(enum.Enum):
    LOW = 1

    def method(self) -> None:
        """What is no member."""


class Mapping(dict):  # type: ignore[type-arg]
    """A dict with attributes."""


class Sequence(list):  # type: ignore[type-arg]
    """A list with attributes."""


class Text(str):
    """A text with attributes."""


def refused(data: bytes, policy: brinery.Policy) -> brinery.PolicyError:
    with pytest.raises(brinery.PolicyError) as caught:
        brinery.loads(b"\x80\x02" + data + b".", policy=policy)
    return caught.value


@pytest.mark.parametrize(
    "name", ["method", "_member_map_", "__class__", "mro", "LOW.name", "name", "__init__"]
)
def test_nothing_but_members_is_had_of_an_enumeration(name: str) -> None:
    policy = brinery.Policy.allow(Level, members=["LOW"])
    asked = call(glob("builtins", "getattr"), glob(__name__, "Level"), text(name))
    assert refused(asked, policy).rule == "global.attribute"
    member = call(glob("builtins", "getattr"), glob(__name__, "Level"), text("LOW"))
    assert brinery.loads(b"\x80\x02" + member + b".", policy=policy) is Level.LOW


@pytest.mark.parametrize(
    "after",
    [
        b"}" + text("update") + b"K\1sbK\1K\2s",
        b"}" + text("__class__") + glob(VICTIMS, "Plain") + b"sb",
        b"}" + text("__class__") + b"K\1sb",
        b"}" + text("__init__") + b"K\1sb",
        b"K\1b",
        b"](K\1eb",
    ],
)
@pytest.mark.parametrize("name", ["Mapping", "Sequence"])
def test_extensions_of_builtin_classes_get_items_first_and_plain_attributes(name: str, after: bytes) -> None:
    policy = brinery.Policy.allow(f"{__name__}:{name}", construct=True, extend=True, attributes=True)
    policy |= brinery.Policy.allow(f"{VICTIMS}:Plain", value=True)
    refused(newobj(glob(__name__, name)) + after, policy)


def test_extensions_are_made_of_nothing_but_values_of_their_class() -> None:
    policy = brinery.Policy.allow(Text, construct="tuple[any]", value=True)
    policy |= brinery.Policy.allow(Mapping, construct="tuple[any]")
    # A size, an object whose text would be asked for, and one whose items would be.
    for data in (newobj(glob(__name__, "Text"), b"]"), newobj(glob(__name__, "Mapping"), b"](K\1K\2\x86e")):
        value = brinery.loads(b"\x80\x02" + data + b".", policy=policy)
        assert value == pickle.loads(b"\x80\x02" + data + b".")
    refused(newobj(glob(__name__, "Text"), glob(__name__, "Mapping")), policy)


def test_codes_stand_for_what_the_policy_says_alone() -> None:
    code = b"\x82\x07"
    granted = brinery.Policy.from_toml('policy = 1\n[extensions]\n7 = "collections:OrderedDict"\n')
    data = code + b")R"
    assert refused(data, brinery.Policy("stdlib")).rule == "extension"
    assert refused(b"\x82\x08)R", granted | "stdlib").rule == "extension"
    assert refused(data, granted).rule == "global"
    made = brinery.loads(b"\x80\x02" + data + b".", policy=granted | "stdlib")
    assert type(made) is collections.OrderedDict
    system = brinery.Policy.from_toml('policy = 1\n[extensions]\n7 = "os:system"\n') | "stdlib"
    assert refused(code + tup(COMMAND) + b"R", system).rule == "global"


@pytest.mark.parametrize(
    "data",
    [
        call(glob("array", "array"), text("u"), text("text")),
        call(glob("array", "array"), text("b"), b"](K\1M\x00\x10e"),
        call(glob("array", "array"), text("q"), b"]q\0(K\1e") + b"h\0Na",
        call(glob("array", "array"), text("z"), b"](K\1e"),
        call(glob("operator", "methodcaller"), text("__reduce_ex__")),
        call(glob("operator", "attrgetter"), text("a.__class__ b")),
        call(glob("types", "SimpleNamespace"), b"K\1"),
        call(glob("types", "SimpleNamespace")) + b"}" + text("__class__") + b"Nsb",
        call(glob("types", "SimpleNamespace")) + b"N}" + text("__class__") + b"Ns\x86b",
        call(glob("types", "SimpleNamespace")) + b"K\1K\2s",
        call(glob("re", "_compile"), text("(a+)+$" * 100), b"K\x20"),
        call(glob("re", "_compile"), text("("), b"K\x20"),
        call(glob("re", "_compile"), text("a"), b"J\0\0\0\x70"),
        call(PARTIAL),
        call(PARTIAL, b"K\1"),
        call(PARTIAL, glob("builtins", "print")),
        call(PARTIAL, glob("operator", "itemgetter"), b"K\1") + tup(b"K\1", b")", b"N", b"N") + b"b",
        call(PARTIAL, glob("operator", "itemgetter"), b"K\1")
        + tup(glob("operator", "itemgetter"), b")", b"N", b"}" + text("__setstate__") + b"Ns")
        + b"b",
        call(PARTIAL, glob("operator", "itemgetter"), b"K\1")
        + tup(glob("operator", "itemgetter"), b"]", b"N", b"N")
        + b"b",
    ],
)
def test_what_classes_written_in_c_are_given_is_looked_at(data: bytes) -> None:
    refused(data, brinery.Policy("stdlib"))


def test_the_patterns_that_are_at_hand_are_those_of_the_program() -> None:
    pattern = re.compile("a[bc]+d")
    data = pickle.dumps([pattern], 4)
    assert brinery.loads(data, policy="stdlib") == [pattern]
    re.purge()
    assert brinery.loads(data, policy="stdlib") == [re.compile("a[bc]+d")]


def test_what_is_called_later_is_what_may_be_called() -> None:
    policy = brinery.Policy("stdlib")
    with pytest.raises(brinery.PolicyError):
        brinery.loads(pickle.dumps(functools.partial(print, "x")), policy=policy)
    made = brinery.loads(pickle.dumps(functools.partial(operator.itemgetter, 1)), policy=policy)
    assert made.func is operator.itemgetter
    names = types.SimpleNamespace(a=[1], b=None)
    assert brinery.loads(pickle.dumps(names), policy=policy) == names


def nested(begin: bytes, end: bytes, depth: int) -> bytes:
    return begin * depth + b"N" + end * depth


def test_what_the_collector_does_not_look_into_is_nested_no_deeper_either() -> None:
    pytest.importorskip("numpy")
    import numpy

    reconstruct = glob(numpy.ndarray(0).__reduce__()[0].__module__, "_reconstruct")
    objects = call(glob("numpy", "dtype"), text("O8"), b"K\0", b"K\1")
    objects += (
        tup(b"K\3", text("|"), b"N", b"N", b"N", b"J\xff\xff\xff\xff", b"J\xff\xff\xff\xff", b"K\x3f") + b"b"
    )
    empty = call(b"h\1", glob("numpy", "ndarray"), b"K\0\x85", b"C\1b")
    first = reconstruct + b"q\0010" + objects + b"q\0020"
    array = empty + b"(K\1K\1\x85h\2K\0]"
    data = b"\x80\x03" + first + nested(array, b"atb", 150_000) + b"."
    with pytest.raises(brinery.PolicyError) as caught:
        brinery.loads(data, policy="numpy")
    assert caught.value.rule == "budget.depth"
    shallow = brinery.loads(b"\x80\x03" + first + nested(array, b"atb", 3) + b".", policy="numpy")
    assert shallow[0][0][0] is None


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        (call(glob("collections", "defaultdict")) + b"K\1", b"s"),
        (call(glob("collections", "deque")), b"a"),
        (glob("builtins", "slice"), b"NN\x87R"),
        (glob("functools", "partial") + glob("operator", "itemgetter"), b"\x86R"),
        (glob("itertools", "repeat"), b"\x85R"),
    ],
)
def test_what_is_given_up_by_recursion_is_nested_no_deeper_either(begin: bytes, end: bytes) -> None:
    policy = brinery.Policy("stdlib")
    with pytest.raises(brinery.PolicyError) as caught:
        brinery.loads(b"\x80\x03" + nested(begin, end, 90_000) + b".", policy=policy)
    assert caught.value.rule == "budget.depth"
    assert type(brinery.loads(b"\x80\x03" + nested(begin, end, 300) + b".", policy=policy))
    # One at a time, each within the next: what is looked at first is not the deepest.
    within = [nested(begin, end, 400), *[begin * 400 + b"h\1" + end * 400] * 200]
    pieces = [b"K" + bytes([index]) + piece + b"q\1s" for index, piece in enumerate(within)]
    data = b"\x80\x03}" + b"".join(pieces) + b"."
    with pytest.raises(brinery.PolicyError) as caught:
        brinery.loads(data, policy=policy)
    assert caught.value.rule == "budget.depth"
