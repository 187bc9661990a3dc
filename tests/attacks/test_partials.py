"""Attacks by calls of what is no global: of partials, of the `__new__` of classes, of iterators and of texts to compile."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import brinery

from .assembly import call, glob, inst, newobj, obj, text, tup
from .harness import prove, refuse

VICTIMS = "tests.attacks.victims"
SYSTEM = glob("os", "system")
COMMAND = text("touch effect")
TOUCH = glob(VICTIMS, "touch")
PARTIAL = glob("functools", "partial")
GETATTR = glob("builtins", "getattr")
LAUNCHED = glob(VICTIMS, "Launched")
ITER = glob("builtins", "iter")


def partial(function: bytes, arguments: bytes = b")", keywords: bytes = b"}") -> bytes:
    """Return the opcodes for a partial, as picklers write it."""
    return call(PARTIAL, function) + b"(" + function + arguments + keywords + b"Ntb"


def new(cls: bytes) -> bytes:
    """Return the opcodes for the `__new__` of a class, as picklers write it."""
    return call(GETATTR, cls, text("__new__"))


LAUNCH = new(LAUNCHED)
ATTACKS = {
    "a partial that is called": b"\x80\x02" + partial(SYSTEM, tup(COMMAND)) + b")R.",
    "a partial that is called with the rest": b"\x80\x02" + partial(SYSTEM) + tup(COMMAND) + b"R.",
    "a partial of a victim": b"\x80\x02" + partial(TOUCH) + b")R.",
    "the construction of a class": b"\x80\x02" + partial(LAUNCH, tup(LAUNCHED, COMMAND)) + b")R.",
    "the construction of a class by keyword": b"\x80\x02"
    + partial(LAUNCH, tup(LAUNCHED), b"}" + text("command") + COMMAND + b"s")
    + b")R.",
    "the construction of a class at once": b"\x80\x02" + call(LAUNCH, LAUNCHED, COMMAND) + b".",
    "a class and the construction of another": b"\x80\x02"
    + partial(LAUNCH, tup(LAUNCHED))
    + tup(COMMAND)
    + b"R.",
    "keywords that come after the judgement": b"\x80\x02"
    + partial(LAUNCH, tup(LAUNCHED), b"}q\x07")
    + b"h\x07"
    + text("command")
    + COMMAND
    + b"s0)R.",
    "a partial of copyreg": b"\x80\x02"
    + partial(glob("copyreg", "__newobj__"), tup(LAUNCHED, COMMAND))
    + b")R.",
    "a partial of getattr": b"\x80\x02"
    + call(partial(GETATTR, tup(glob(VICTIMS, "os"), text("system"))))
    + COMMAND
    + b"\x85R.",
    "a partial within a set of keys": b"\x80\x02" + partial(SYSTEM, tup(COMMAND)) + b"q\x05)R0h\x05\x85.",
    "a map of a command": b"\x80\x02"
    + call(glob("builtins", "list"), call(glob("builtins", "map"), SYSTEM, call(ITER, b"(" + COMMAND + b"l")))
    + b".",
    "a command for each of some": b"\x80\x02"
    + call(
        glob("builtins", "list"),
        call(glob("itertools", "starmap"), SYSTEM, call(ITER, b"((" + COMMAND + b"tl")),
    )
    + b".",
}
#: What uses nothing but a class of the program under attack.
OWN = {
    "the construction of a class",
    "the construction of a class by keyword",
    "the construction of a class at once",
    "a class and the construction of another",
}
#: What honest files of the victims have: a class that may be constructed, one that is a value, keywords.
GRANTS = [
    "stdlib",
    "stdlib|numpy|pandas|sklearn|torch",
    f"Policy('stdlib') | Policy.allow({VICTIMS + ':Plain'!r}, value=True, construct='tuple[]', attributes=True)"
    f" | Policy.allow({VICTIMS + ':touch'!r}, value=True)"
    f" | Policy.allow({VICTIMS + ':Launched'!r}, value=True, construct='tuple[]', keywords='dict[str, int]')",
]


def test_they_work_on_the_stock_engine() -> None:
    prove(ATTACKS)


def test_they_are_refused() -> None:
    refuse(ATTACKS, GRANTS)


PLAIN = glob(VICTIMS, "Plain")
CHAIN = call(glob("itertools", "chain")) + b"q\x01"
PLAIN_GRANTED = (
    brinery.Policy("stdlib")
    | brinery.Policy.allow(f"{VICTIMS}:Plain", value=True, construct="tuple[]", attributes=True)
    | brinery.Policy.allow(f"{VICTIMS}:Launched", construct="tuple[str]", keywords="dict[str, int]")
)
ESCAPES = {
    "a __new__ as a value": new(PLAIN) + b".",
    "a __new__ in a list": b"]" + new(PLAIN) + b"a.",
    "a __new__ in a dict": b"}K\x01" + new(PLAIN) + b"s.",
    "a __new__ as an attribute": newobj(PLAIN) + b"}" + text("x") + new(PLAIN) + b"sb.",
    "a partial of a __new__ as a value": partial(new(PLAIN), tup(PLAIN)) + b".",
    "a partial of a __new__ in a tuple": partial(new(PLAIN), tup(PLAIN)) + b"\x85.",
    "a partial of a __new__ in a defaultdict": call(
        glob("collections", "defaultdict"), partial(new(PLAIN), tup(PLAIN))
    )
    + b".",
    "a __new__ in a partial": partial(glob("builtins", "int"), tup(new(PLAIN))) + b".",
    "a partial that becomes one of a __new__": call(PARTIAL, glob("builtins", "int"))
    + tup(new(PLAIN), tup(PLAIN), b"}", b"N")
    + b"b.",
    "another state": partial(new(PLAIN), tup(PLAIN)) + tup(new(PLAIN), tup(PLAIN), b"}", b"N") + b"b)R.",
    "no state": call(PARTIAL, new(PLAIN)) + tup(PLAIN) + b"R.",
    "the __new__ of one class with another": call(new(PLAIN), LAUNCHED) + b".",
    "a partial of one class with another": partial(new(PLAIN), tup(LAUNCHED)) + b")R.",
    "no class": call(new(PLAIN)) + b".",
    "a __new__ by OBJ": obj(GETATTR, PLAIN, text("__new__")) + b".",
    "a __new__ by INST": inst("builtins", "getattr", PLAIN, text("__new__")) + b".",
    "a partial by OBJ": obj(PARTIAL, glob("builtins", "print"), text("x")) + b".",
    "a partial by INST": inst("functools", "partial", glob("builtins", "print"), text("x")) + b".",
    "a partial of a __new__ by OBJ": obj(PARTIAL, new(PLAIN), PLAIN) + b".",
    "a partial by NEWOBJ": newobj(PARTIAL, glob("builtins", "int")) + b".",
    "an iterator of itself": CHAIN + call(ITER, b"(h\x01t") + b"\x85b.",
    "an iterator that is itself": CHAIN + b"h\x01\x85b.",
    "an iterator in what it goes through": b"]q\x00" + CHAIN + call(ITER, b"h\x00") + b"\x85b0h\x00h\x01a.",
    "the __new__ of object with arguments": call(new(glob("builtins", "object")), LAUNCHED, COMMAND) + b".",
    "keywords of another kind": partial(new(LAUNCHED), tup(LAUNCHED, COMMAND), b"}" + text("k") + b"Ns")
    + b")R.",
    "keywords that are none": partial(new(LAUNCHED), tup(LAUNCHED, COMMAND), b"]") + b")R.",
    "a map of a __new__": call(glob("builtins", "map"), new(PLAIN), call(ITER, b"]")) + b".",
    "items that are consumed": call(glob("collections", "deque"), call(glob("itertools", "count"), b"K\x01"))
    + b".",
    "a list of all numbers": call(glob("builtins", "list"), call(glob("itertools", "count"), b"K\x01"))
    + b".",
    "all of what never ends": call(glob("itertools", "product"), call(glob("itertools", "count"), b"K\x01"))
    + b".",
    "combinations of very many": call(glob("itertools", "combinations"), b")", b"J\x00\x00\x00\x70") + b".",
    "places outside of what is combined": call(glob("itertools", "combinations"), b")", b"K\x05")
    + tup(*[b"K\x00"] * 5)
    + b"b.",
    "places outside of what is permuted": call(glob("itertools", "permutations"), b")", b"K\x05")
    + tup(b")", tup(*[b"K\x00"] * 5))
    + b"b.",
    "a tee that skips": call(glob("itertools", "_tee"), b")") + b".",
    "what is printed into an error": call(glob("configparser", "NoSectionError"), b"]]]aa") + b".",
    "what is printed into an error of json": call(
        glob("json.decoder", "JSONDecodeError"), b"]", text("x"), b"K\x00"
    )
    + b".",
    "a header of another class": call(
        glob("email.headerregistry", "_reconstruct_header"),
        text("_X"),
        tup(glob("builtins", "int")),
        text("1"),
    )
    + b".",
    "a level for a logger": call(glob("logging", "getLogger"), text("x"))
    + b"}"
    + text("level")
    + b"K\x01sb.",
}


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("name", ESCAPES)
def test_nothing_escapes(name: str, protocol: int) -> None:
    data = bytes([0x80, protocol]) + ESCAPES[name]
    with pytest.raises(brinery.PolicyError):
        brinery.loads(data, policy=PLAIN_GRANTED)
    assert brinery.scan(data).verdict != "clean"


class Temperature:
    def __new__(cls, value: float, *, unit: str = "K") -> Temperature:
        made = super().__new__(cls)
        made.value, made.unit = value, unit
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[float], dict[str, str]]:
        return (self.value,), {"unit": self.unit}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Temperature) and vars(self) == vars(other)

    value: float
    unit: str


class Made:
    def __init__(self, value: object, note: object = None) -> None:
        self.value, self.note = value, note

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return functools.partial(Made, note=self.note), (self.value,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Made) and vars(self) == vars(other)


class Bare:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
        return object.__new__, (Bare,), vars(self)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_what_picklers_write_is_learnt(protocol: int) -> None:
    bare = Bare()
    bare.x = 1  # type: ignore[attr-defined]
    samples = [Temperature(1.5), Made([1], note="x"), bare]
    policy = brinery.Policy.learn([pickle.dumps(samples, protocol)])
    others = [Temperature(3, unit="F"), Made([2, 3], note=None)]
    assert brinery.loads(pickle.dumps(others, protocol), policy=policy) == others
    bare.x = 2  # type: ignore[attr-defined]
    assert vars(brinery.loads(pickle.dumps(bare, protocol), policy=policy)) == {"x": 2}
    with pytest.raises(brinery.PolicyError):
        brinery.loads(pickle.dumps(functools.partial(Made, 1), protocol), policy=policy)
    # A class may be constructed whichever way it is spelt.
    spelt_otherwise = pickle.dumps(Temperature(3, unit="F"), 2 if protocol > 3 else 4)
    assert brinery.loads(spelt_otherwise, policy=policy) == Temperature(3, unit="F")
