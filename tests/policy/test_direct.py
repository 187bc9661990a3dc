"""Loads that are judged while they make what nobody can tell to have been made: nothing else happens before a refusal."""

from __future__ import annotations

import copyreg
import enum
import pickle
import sys
import types
from typing import Any

import pytest

import brinery

happened: list[str] = []


class Plain:
    """Attributes, and nothing else."""


class Finalized:
    def __del__(self) -> None:
        happened.append("__del__")


class Setting:
    def __setstate__(self, state: object) -> None:
        happened.append("__setstate__")


class Assigning:
    def __setattr__(self, name: str, value: object) -> None:
        happened.append("__setattr__")


class Property:
    __slots__ = ("_x",)

    @property
    def x(self) -> int:
        return 1

    @x.setter
    def x(self, value: int) -> None:
        happened.append("property")

    def __reduce__(self) -> Any:
        return copyreg.__newobj__, (Property,), (None, {"x": 1})  # type: ignore[attr-defined]


class OwnDict:
    __slots__ = ("kept",)

    @property
    def __dict__(self) -> dict[str, object]:  # type: ignore[override]
        happened.append("__dict__")
        return {}

    def __reduce__(self) -> Any:
        return copyreg.__newobj__, (OwnDict,), {"a": 1}  # type: ignore[attr-defined]


class New:
    def __new__(cls) -> New:
        happened.append("__new__")
        return super().__new__(cls)


class Called:
    def __init__(self, *args: object) -> None:
        happened.append("__init__")

    def __reduce__(self) -> Any:
        return Called, (1,)


class Key:
    def __hash__(self) -> int:
        happened.append("__hash__")
        return 1


class Meta(type):
    def __call__(cls, *args: object) -> object:
        happened.append("metaclass")
        return super().__call__(*args)

    def __getattribute__(cls, name: str) -> object:
        if not name.startswith("__"):
            happened.append("metaclass attribute")
        return super().__getattribute__(name)


class Made(metaclass=Meta):
    pass


class Missing(enum.Enum):
    A = 1

    @classmethod
    def _missing_(cls, value: object) -> Missing:
        happened.append("_missing_")
        return cls.A


class Items(list):  # type: ignore[type-arg]
    def extend(self, items: object) -> None:
        happened.append("extend")

    append = extend  # type: ignore[assignment]


def grants(*classes: type) -> brinery.Policy:
    policy = brinery.Policy("stdlib")
    for cls in classes:
        policy |= brinery.Policy.allow(
            cls,
            value=True,
            construct=True,
            call=True,
            attributes=cls is not Setting,
            setstate=cls is Setting,
            extend="any",
        )
    return policy


def attributes(instance: Any) -> Any:
    instance.__dict__["a"] = 1
    return instance


@pytest.mark.parametrize(
    "thing",
    [
        Finalized(),
        attributes(Setting()),
        attributes(Assigning()),
        Property(),
        OwnDict(),
        New(),
        Called(),
        {Key(): 1},
        {Key()},
        frozenset({Key()}),
        Made(),
        Missing.A,
        Items([1, 2]),
    ],
    ids=lambda thing: type(thing).__name__,
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_nothing_happens_before_a_refusal(thing: Any, protocol: int) -> None:
    plain = Plain()
    plain.x = thing  # type: ignore[attr-defined]
    body = pickle.dumps([Plain(), thing, plain], protocol)[:-1]
    if protocol == 4:  # without the frame, which would end too early
        body = body[:2] + body[11:]
    hostile = body + b"cos\nsystem\n."
    policy = grants(
        *{Plain, *(cls for cls in globals().values() if isinstance(cls, type) and cls.__module__ == __name__)}
    )
    happened.clear()
    with pytest.raises(brinery.PolicyError) as caught:
        brinery.loads(hostile, policy=policy)
    assert caught.value.rule == "global"
    assert happened == []


def test_a_member_that_is_not_there_is_not_made_up_before_a_refusal() -> None:
    value = pickle.dumps(Missing.A, 4).replace(b"K\x01", b"K\x07")
    policy = grants(Missing)
    happened.clear()
    with pytest.raises(brinery.PolicyError):
        brinery.loads(value[:2] + b"(" + value[11:-1] + b"cos\nsystem\nt.", policy=policy)
    assert happened == []
    assert brinery.loads(value, policy=policy) is Missing.A
    assert happened == ["_missing_"]


def test_modules_are_not_imported_before_a_refusal() -> None:
    policy = brinery.Policy.allow("brinery_nowhere:Plain")
    with pytest.raises(brinery.PolicyError, match=r"os\.system"):
        brinery.loads(b"\x80\x03(cbrinery_nowhere\nPlain\n)\x81cos\nsystem\nt.", policy=policy)
    with pytest.raises(brinery.PolicyError) as caught:
        brinery.loads(b"\x80\x03cbrinery_nowhere\nPlain\n)\x81.", policy=policy)
    assert caught.value.rule == "resolve"


def test_what_a_module_makes_up_is_not_asked_for_before_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("brinery_lazy")
    monkeypatch.setitem(sys.modules, "brinery_lazy", module)

    def made_up(name: str) -> type:
        happened.append(name)
        return Plain

    module.__getattr__ = made_up  # type: ignore[method-assign]
    policy = brinery.Policy.allow("brinery_lazy:Plain")
    happened.clear()
    with pytest.raises(brinery.PolicyError, match=r"os\.system"):
        brinery.loads(b"\x80\x03(cbrinery_lazy\nPlain\n)\x81cos\nsystem\nt.", policy=policy)
    assert happened == []
    assert type(brinery.loads(b"\x80\x03cbrinery_lazy\nPlain\n)\x81.", policy=policy)) is Plain


def typed(fields: dict[str, str]) -> brinery.Policy:
    return brinery.Policy.allow(Plain, construct="tuple[]", fields=fields)


def stream(state: bytes, after: bytes = b"") -> bytes:
    name = f"c{__name__}\nPlain\n".encode()
    return b"\x80\x03" + name + b")\x81}(X\x01\0\0\0a" + state + b"ub" + after + b"."


@pytest.mark.parametrize("after", [b"h\x01X\x01\0\0\0sa0", b"h\x01K\x01a0"])
def test_what_a_field_holds_is_judged_at_the_end_as_well(after: bytes) -> None:
    data = stream(b"]q\x01K\x05a", after)
    if b"X" not in after:
        assert brinery.loads(data, policy=typed({"a": "list[int]"})).a == [5, 1]
        return
    with pytest.raises(brinery.PolicyError, match="changed after") as caught:
        brinery.loads(data, policy=typed({"a": "list[int]"}))
    assert caught.value.rule == "global.state"
    assert brinery.loads(data, policy=typed({"a": "list"})).a == [5, "s"]


@pytest.mark.parametrize(
    ("value", "shape", "fits"),
    [
        (b"K\x01", "int", True),
        (b"\x88", "int", False),
        (b"K\x05", "int(0..4)", False),
        (b"X\x02\0\0\0\xc3\xa9", "str(1..1)", True),
        (b"X\x02\0\0\0\xc3\xa9", "str(2..)", False),
        (b"K\x01K\x02\x86", "tuple[int, int]", True),
        (b"K\x01N\x86", "tuple[int, int]", False),
        (b"}(X\x01\0\0\0kK\x01u", "dict[str, int]", True),
        (b"}(K\x01K\x01u", "dict[str, int]", False),
        (b"N", "None | int", True),
        (b"X\x01\0\0\0x", "'x' | 'y'", True),
        (b"X\x01\0\0\0z", "'x' | 'y'", False),
        (b"cdatetime\ndate\nC\x04\x07\xe4\x01\x02\x85R", "datetime:date", True),
        (b"cdatetime\ndate\nC\x04\x07\xe4\x01\x02\x85R", "datetime:datetime", False),
    ],
)
def test_fields_have_the_shapes_that_are_granted(value: bytes, shape: str, fits: bool) -> None:
    policy = typed({"a": shape}) | brinery.Policy("stdlib")
    if fits:
        assert type(brinery.loads(stream(value), policy=policy)) is Plain
        return
    with pytest.raises(brinery.PolicyError) as caught:
        brinery.loads(stream(value), policy=policy)
    assert caught.value.rule == "global.state"


def test_instances_are_nested_no_deeper_than_is_granted() -> None:
    def chain(depth: int) -> bytes:
        name = f"c{__name__}\nPlain\nq\0".encode()
        return b"\x80\x02" + name + b"0" + b"h\0)\x81}X\x01\0\0\0a" * depth + b"N" + b"sb" * depth + b"."

    policy = brinery.Policy.allow(Plain)
    value = brinery.loads(chain(30_000), policy=policy)
    depth = 0
    while value is not None:  # taken apart from the top
        value, depth = value.__dict__.pop("a"), depth + 1
    assert depth == 30_000
    with pytest.raises(brinery.PolicyError) as caught:
        brinery.loads(chain(150_000), policy=policy)
    assert caught.value.rule == "budget.depth"


def test_many_instances_side_by_side_are_not_deep() -> None:
    plains = []
    for index in range(120_000):
        plain = Plain()
        plain.a = [index]  # type: ignore[attr-defined]
        plains.append(plain)
    assert len(brinery.loads(pickle.dumps(plains, 4), policy=brinery.Policy.allow(Plain))) == 120_000


def test_a_class_is_no_value_unless_granted() -> None:
    name = f"c{__name__}\nPlain\n".encode()
    for data in (name + b".", b"]" + name + b"a.", stream(name), b"}X\x01\0\0\0a" + name + b"s."):
        data = data if data.startswith(b"\x80") else b"\x80\x03" + data
        with pytest.raises(brinery.PolicyError) as caught:
            brinery.loads(data, policy=brinery.Policy.allow(Plain))
        assert caught.value.rule == "global.value"
    assert brinery.loads(b"\x80\x03" + name + b".", policy=brinery.Policy.allow(Plain, value=True)) is Plain


def test_an_interruption_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    from brinery import policy as policies

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(policies, "_resolve", interrupted)
    with pytest.raises(KeyboardInterrupt):
        brinery.loads(stream(b"N"), policy=typed({"a": "None"}))


def test_what_is_judged_as_a_whole_is_begun_once_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A load in one go that gives up is not tried again by another way to the same function."""
    from brinery import policy as policies

    asked: list[str] = []
    original = policies._resolve
    monkeypatch.setattr(policies, "_resolve", lambda *what: (asked.append(what[1]), original(*what))[1])
    policy = brinery.Policy.allow(Plain) | brinery.Policy.allow(Called, call="tuple")
    data = pickle.dumps([Plain(), Called()], 4)
    happened.clear()
    made = brinery.loads(data, policy=policy)
    assert happened == ["__init__"]
    assert type(made[1]) is Called
    assert asked == ["Plain", "Called", "Plain", "Called"]


def test_a_failure_of_a_class_is_a_refusal_with_its_cause() -> None:
    data = pickle.dumps(New(), 2).replace(b"New\n", b"Odd\n")
    with pytest.raises(brinery.PolicyError, match="ZeroDivisionError") as caught:
        brinery.loads(data, policy=grants(Odd))
    assert caught.value.rule == "malformed"
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


class Odd:
    def __new__(cls) -> Odd:
        raise ZeroDivisionError
