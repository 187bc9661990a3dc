"""Loads that are judged while they make what nobody can tell to have been made: nothing else happens before a refusal."""

from __future__ import annotations

import array
import collections
import copyreg
import enum
import gc
import io
import operator
import pickle
import re
import sys
import types
import typing
import weakref
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


class Failing(ValueError):
    def __init__(self, *args: object) -> None:
        happened.append("an exception's __init__")
        super().__init__(*args)


class Finished(ValueError):
    def __del__(self) -> None:
        happened.append("an exception's __del__")


class Noting(ValueError):
    def __setattr__(self, name: str, value: object) -> None:
        happened.append("an exception's __setattr__")


class Rebuilt:
    """An instance that functions of copyreg make anew."""

    def __new__(cls, *_: object) -> Rebuilt:
        happened.append("__new__ by copyreg")
        return super().__new__(cls)

    def __reduce__(self) -> Any:
        return copyreg.__newobj__, (Rebuilt,), {"a": 1}  # type: ignore[attr-defined]


class Mapping(dict):  # type: ignore[type-arg]
    def __setitem__(self, key: object, value: object) -> None:
        happened.append("__setitem__")


class Problem(ValueError):
    """An exception, and nothing else."""


class Remade:
    """Attributes, put into what a function of copyreg makes."""

    def __reduce__(self) -> Any:
        return copyreg.__newobj__, (Remade,), self.__dict__  # type: ignore[attr-defined]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Remade) and other.__dict__ == self.__dict__


class Sized:
    """Attributes in slots."""

    __slots__ = ("a", "b")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sized) and other.a == self.a

    def __reduce_ex__(self, protocol: Any) -> Any:
        return super().__reduce_ex__(max(protocol, 2))


class Extension:
    """Classes that extend builtin ones are saved by their `__new__`, in all protocols."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        return super().__reduce_ex__(max(protocol, 2))


class Extended(Extension, dict):  # type: ignore[type-arg]
    """A dict, with attributes."""


class Series(Extension, list):  # type: ignore[type-arg]
    """A list, with attributes."""


class Word(Extension, str):
    """A text, with attributes."""


class Amount(Extension, int):
    """A number."""


class Shares(Extension, tuple):  # type: ignore[type-arg]
    """A tuple."""


class Grade(enum.Enum):
    """Members that are asked for by their names."""

    GOOD = 1

    def __reduce_ex__(self, protocol: object) -> Any:
        return getattr, (Grade, self.name)


Pair = collections.namedtuple("Pair", "first second")


def a_function() -> None:
    """A function that is a value."""


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
        Failing(1),
        Finished(1),
        attributes(Noting(1)),
        Rebuilt(),
        Mapping(a=1),
    ],
    ids=lambda thing: type(thing).__name__,
)
@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
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
    copies = protocol < 2 and isinstance(thing, (Items, Mapping))  # refused by how they are made
    assert caught.value.rule == ("global.construct" if copies else "global")
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
    assert asked == ["Plain", "Called"]


def test_a_failure_of_a_class_is_a_refusal_with_its_cause() -> None:
    data = pickle.dumps(New(), 2).replace(b"New\n", b"Odd\n")
    with pytest.raises(brinery.PolicyError, match="ZeroDivisionError") as caught:
        brinery.loads(data, policy=grants(Odd))
    assert caught.value.rule == "malformed"
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


class Odd:
    def __new__(cls) -> Odd:
        raise ZeroDivisionError


def place(monkeypatch: pytest.MonkeyPatch, cls: type) -> type:
    """Put a class into a module of its own."""
    module = types.ModuleType("brinery_place")
    monkeypatch.setitem(sys.modules, "brinery_place", module)
    cls.__module__, cls.__qualname__ = "brinery_place", "Placed"
    module.Placed = cls  # type: ignore[attr-defined]
    return cls


def placed() -> type:
    return type("Placed", (), {})


PLACED = b"\x80\x03cbrinery_place\nPlaced\n)\x81}X\x01\0\0\0aK\x01sb."


def test_a_class_that_was_judged_is_judged_again_when_it_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = brinery.Policy.allow("brinery_place:Placed")
    cls = place(monkeypatch, placed())
    for _ in range(3):
        assert type(brinery.loads(PLACED, policy=policy)) is cls
    cls.__setstate__ = list.append  # type: ignore[attr-defined]
    with pytest.raises(brinery.PolicyError, match="native __setstate__"):
        brinery.loads(PLACED, policy=policy)


def test_the_class_of_now_is_made_and_not_the_one_that_was_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = brinery.Policy.allow("brinery_place:Placed")
    for _ in range(3):
        cls = place(monkeypatch, placed())
        assert type(brinery.loads(PLACED, policy=policy)) is cls
    place(monkeypatch, type("Placed", (), {"__setstate__": list.append}))
    with pytest.raises(brinery.PolicyError, match="native __setstate__"):
        brinery.loads(PLACED, policy=policy)
    sys.modules["brinery_place"].__dict__.clear()
    with pytest.raises(brinery.PolicyError, match="is not there"):
        brinery.loads(PLACED, policy=policy)
    monkeypatch.delitem(sys.modules, "brinery_place")
    with pytest.raises(brinery.PolicyError, match="is not there"):
        brinery.loads(PLACED, policy=policy)


def test_a_policy_keeps_no_class_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = brinery.Policy.allow("brinery_place:Placed")
    cls = weakref.ref(place(monkeypatch, placed()))
    assert brinery.loads(PLACED, policy=policy).a == 1
    sys.modules["brinery_place"].__dict__.clear()
    gc.collect()
    assert cls() is None


def test_many_classes_of_one_policy_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("brinery_many")
    monkeypatch.setitem(sys.modules, "brinery_many", module)
    policy = brinery.Policy("data")
    for index in range(100):
        name = f"Wide\u0119{index}" if index % 2 else f"Class{index}"
        setattr(module, name, type(name, (), {"__module__": "brinery_many"}))
        policy |= brinery.Policy.allow(f"brinery_many:{name}")
    made = [cls() for cls in vars(module).values() if isinstance(cls, type)]
    for _ in range(3):
        loaded = brinery.loads(pickle.dumps(made, 4), policy=policy)
        assert [type(one) for one in loaded] == [type(one) for one in made]


def test_an_unpickler_leaves_the_file_where_the_pickle_ends() -> None:
    data = pickle.dumps({"a": 1}, 4)
    file = io.BytesIO(b"before" + data + data + b"cos\nsystem\n." + b"after")
    file.seek(6)
    unpickler = brinery.Unpickler(file, policy="data")
    assert unpickler.load() == {"a": 1}
    assert file.tell() == 6 + len(data)
    assert unpickler.load() == {"a": 1}
    with pytest.raises(brinery.PolicyError, match=r"os\.system"):
        unpickler.load()
    assert file.read() == b""
    with pytest.raises(EOFError):
        unpickler.load()


def test_an_unpickler_of_text_says_so() -> None:
    with pytest.raises(TypeError, match="should return bytes, not str"):
        brinery.Unpickler(io.StringIO("N."), policy="data").load()


def test_a_file_that_cannot_be_read_is_no_file() -> None:
    for kwargs in ({"policy": "data"}, {"type": int}):
        with pytest.raises(TypeError, match="must have 'read' and 'readline' attributes"):
            brinery.load(5, **kwargs)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="must have 'read' and 'readline' attributes"):
        brinery.Unpickler(5, policy="data")  # type: ignore[arg-type]


def test_bytes_of_any_kind_are_loaded() -> None:
    data = pickle.dumps([1], 4)
    for kind in (bytes, bytearray, memoryview, lambda data: memoryview(data * 2)[: len(data)]):
        assert brinery.loads(kind(data), policy="data") == [1]
        assert brinery.loads(kind(data), type=list[int]) == [1]
    with pytest.raises(TypeError):
        brinery.loads("N.", policy="data")  # type: ignore[arg-type]


def test_what_is_no_policy_says_so() -> None:
    for policy in (5, object(), ["data"]):
        with pytest.raises(TypeError, match=r"a policy is a brinery\.Policy or the name of one"):
            brinery.loads(b"N.", policy=policy)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no policy is named 'nothing'"):
        brinery.loads(b"N.", policy="nothing")


def test_types_that_are_no_keys_are_looked_at_each_time() -> None:
    unhashable = typing.Annotated[int, []]
    for _ in range(2):
        assert brinery.loads(b"K\x05.", type=unhashable) == 5
    with pytest.raises(brinery.PolicyError):
        brinery.loads(b"N.", type=unhashable)


def test_no_more_than_some_types_are_remembered() -> None:
    from brinery import policy as policies

    for index in range(200):
        kind = type(f"Kind{index}", (int,), {})
        with pytest.raises(brinery.PolicyError):
            brinery.loads(b"N.", type=kind)
    assert len(policies._by_type) <= policies._KEPT


def filled(instance: Any, **attributes: object) -> Any:
    for name, value in attributes.items():
        setattr(instance, name, value)
    return instance


IN_ONE_GO: list[Any] = [
    b"\xe9bytes",
    bytearray(b"\xe9bytes"),
    bytearray(),
    {1, "a"},
    frozenset({1, (2, "b")}),
    filled(Remade(), a=[1], b=None),
    Pair(1, [2]),
    ValueError("x", 1),
    Problem([1]),
    collections.deque([1, 2], 5),
    collections.deque([1, 2]),
    collections.OrderedDict(a=1, b=[2]),
    collections.defaultdict(list, a=1),
    collections.Counter("aab"),
    operator.add,
    len,
    a_function,
    collections.OrderedDict,
    Problem,
    [Plain, Plain],
    filled(Extended(a=1, b=[2]), x=1),
    Extended(),
    filled(Series([1, [2]]), x=[1]),
    filled(Word("word"), x=1),
    Amount(7),
    Shares((1, 2)),
    types.SimpleNamespace(a=1, b=[2]),
    array.array("d", [1.5, 2]),
    re.compile("a+b"),
    ...,
    NotImplemented,
    Grade.GOOD,
]


def grants_all() -> brinery.Policy:
    policy = brinery.Policy("stdlib")
    for cls in (Plain, Remade, Sized):
        policy |= brinery.Policy.allow(cls, value=True, construct=True, attributes=True)
    for exception in (Problem, Finished):
        policy |= brinery.Policy.allow(exception, value=True, call="tuple", attributes=True)
    policy |= brinery.Policy.allow(Pair, construct="tuple")
    for container in (Extended, Series):
        policy |= brinery.Policy.allow(container, construct=True, extend=True, attributes=True)
    for value, shape in ((Word, "str"), (Amount, "int"), (Shares, "tuple")):
        policy |= brinery.Policy.allow(value, construct=f"tuple[{shape}]", attributes=True)
    policy |= brinery.Policy.allow(Grade, call=True, members=["*"])
    return policy | brinery.Policy.allow(a_function, value=True) | brinery.Policy.allow(len, value=True)


@pytest.mark.parametrize("thing", [*IN_ONE_GO, filled(Sized(), a=1)], ids=lambda thing: repr(thing)[:30])
@pytest.mark.parametrize("protocol", range(6))
def test_these_forms_are_made_in_one_go(thing: Any, protocol: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is judged as a whole has the objects of all globals looked for anew."""
    from brinery import policy as policies

    asked: list[tuple[Any, ...]] = []
    original = policies._resolve
    monkeypatch.setattr(policies, "_resolve", lambda *what: (asked.append(what), original(*what))[1])
    policy = grants_all()
    data = pickle.dumps([thing, {"k": thing}], protocol)
    for number in range(3):
        loaded, same = brinery.loads(data, policy=policy)
        assert loaded is same["k"] or protocol < 5
        assert type(loaded) is type(thing)
        if isinstance(thing, Exception):
            assert loaded.args == thing.args
        else:
            assert loaded == thing
        if number == 0:
            asked.clear()
    assert asked == []


def test_arrays_are_made_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    from brinery import policy as policies

    for thing in (array.array("d", [1.5, 2]), array.array("i", range(9)), array.array("b")):
        data = pickle.dumps([thing], 4)
        assert brinery.loads(data, policy="stdlib") == [thing]
        with monkeypatch.context() as patched:
            patched.setattr(policies, "_resolve", None)
            assert brinery.loads(data, policy="stdlib") == [thing]


@pytest.mark.parametrize(
    "stream",
    [
        b"FUNCTION.",
        b"]FUNCTIONa.",
        b"FUNCTION\x85.",
        b"]FUNCTION\x85a.",
        b"]FUNCTIONN\x86N\x86a.",
        b"FUNCTION\x85q\x000]h\x00a.",
        b"}X\x01\0\0\0kFUNCTION\x85s.",
        b"cbuiltins\nValueError\nFUNCTION\x85R.",
        b"cbuiltins\nValueError\n(FUNCTION\x85tR.",
        b"ccollections\ndeque\n)R(FUNCTIONe.",
        b"ccollections\nOrderedDict\n)RNFUNCTION\x85s.",
    ],
)
def test_a_function_is_no_value_unless_granted_nor_is_a_tuple_of_it(stream: bytes) -> None:
    refused = brinery.Policy("stdlib") | brinery.Policy.allow(a_function, call="tuple[str]")
    stream = stream.replace(b"FUNCTION", f"c{__name__}\na_function\n".encode())
    for data in (b"\x80\x02" + stream, b"\x80\x03" + stream):
        with pytest.raises(brinery.PolicyError) as caught:
            brinery.loads(data, policy=refused)
        assert caught.value.rule in ("global.value", "global.call", "global.extend")
        brinery.loads(data, policy=refused | brinery.Policy.allow(a_function, value=True))


def test_a_field_that_is_a_class_is_a_value() -> None:
    name = f"c{__name__}\nPlain\n".encode()
    policy = typed({"a": f"={__name__}:Plain"})
    for data in (stream(name), b"\x80\x03" + name + b")\x81}X\x01\0\0\0a" + name + b"sb."):
        with pytest.raises(brinery.PolicyError) as caught:
            brinery.loads(data, policy=policy)
        assert caught.value.rule == "global.value"
        assert brinery.loads(data, policy=policy | brinery.Policy.allow(Plain, value=True)).a is Plain


def test_a_function_that_belongs_elsewhere_is_not_had(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("brinery_elsewhere")
    monkeypatch.setitem(sys.modules, "brinery_elsewhere", module)
    module.renamed = a_function  # type: ignore[attr-defined]
    policy = brinery.Policy.allow("brinery_elsewhere:renamed", value=True)
    with pytest.raises(brinery.PolicyError, match="belongs to tests"):
        brinery.loads(b"\x80\x03cbrinery_elsewhere\nrenamed\n.", policy=policy)
    monkeypatch.setattr(a_function, "__module__", "brinery_elsewhere")
    assert brinery.loads(b"\x80\x03cbrinery_elsewhere\nrenamed\n.", policy=policy) is a_function


def test_what_a_call_made_is_not_taken_for_what_an_opcode_made() -> None:
    made = b"cbuiltins\nset\n)R"
    with pytest.raises(brinery.PolicyError):
        brinery.loads(b"\x80\x04" + made + b"(K\x01\x90.", policy="stdlib")
    assert brinery.loads(b"\x80\x04\x8f(K\x01\x90.", policy="stdlib") == {1}
    policy = typed({"a": "bytearray"}) | brinery.Policy("stdlib")
    called = b"cbuiltins\nbytearray\nC\x01a\x85R"
    with pytest.raises(brinery.PolicyError) as caught:
        brinery.loads(stream(called), policy=policy)
    assert caught.value.rule == "global.state"
    assert brinery.loads(stream(called), policy=typed({"a": "any"}) | brinery.Policy("stdlib")).a == b"a"


def test_text_that_is_no_bytes_is_refused() -> None:
    encode = b"\x80\x02c_codecs\nencode\n"
    assert brinery.loads(encode + b"X\x02\0\0\0\xc3\xa9X\x06\0\0\0latin1\x86R.", policy="stdlib") == b"\xe9"
    with pytest.raises(brinery.PolicyError, match="UnicodeEncodeError"):
        brinery.loads(encode + b"X\x02\0\0\0\xc4\x99X\x06\0\0\0latin1\x86R.", policy="stdlib")
    with pytest.raises(brinery.PolicyError, match="may not be called like this"):
        brinery.loads(encode + b"X\x02\0\0\0\xc3\xa9X\x05\0\0\0utf-8\x86R.", policy="stdlib")


def test_exceptions_are_nested_no_deeper_than_is_granted() -> None:
    def chain(depth: int) -> bytes:
        name = f"c{__name__}\nProblem\nq\0".encode()
        return b"\x80\x02" + name + b"0" + b"h\0" * depth + b"N" + b"\x85R" * depth + b"."

    value = brinery.loads(chain(1000), policy=grants_all())
    depth = 0
    while value is not None:
        (value,), depth = value.args, depth + 1
    assert depth == 1000
    with pytest.raises(brinery.PolicyError) as caught:
        brinery.loads(chain(120_000), policy=grants_all())
    assert caught.value.rule == "budget.depth"


def test_hashes_of_sets_that_are_called_are_counted() -> None:
    tuples = b"".join(b"(I%d\nI1\nt" % number for number in range(50))
    policy = brinery.Policy("stdlib").limits(hash_work=20)
    data = b"\x80\x02cbuiltins\nset\n](" + tuples + b"e\x85R."
    assert len(brinery.loads(data, policy="stdlib")) == 50
    with pytest.raises(brinery.PolicyError) as caught:
        brinery.loads(data, policy=policy)
    assert caught.value.rule == "budget.hash"


class Asking:
    """What shows that it was looked at."""

    def __str__(self) -> str:
        happened.append("__str__")
        return "text"

    def __repr__(self) -> str:
        happened.append("__repr__")
        return "text"

    def __eq__(self, other: object) -> bool:
        happened.append("__eq__")
        return False

    def __hash__(self) -> int:
        happened.append("__hash__")
        return 1

    def __iter__(self) -> Any:
        happened.append("__iter__")
        return iter(())

    def __fspath__(self) -> str:
        happened.append("__fspath__")
        return "path"


def test_calls_that_nobody_can_tell_are_made_with_plain_values_alone() -> None:
    refused = b"cos\nsystem\n"
    asking = b"c" + __name__.encode() + b"\nAsking\n)\x81"
    policy = brinery.Policy("stdlib") | brinery.Policy.allow(Asking)
    for function in (
        b"builtins\nOSError",
        b"builtins\nImportError",
        b"builtins\nSystemExit",
        b"builtins\nKeyError",
    ):
        for args in (asking + b"\x85", b"](" + asking + b"e\x85", asking + asking + b"\x86"):
            happened.clear()
            with pytest.raises(brinery.PolicyError):
                brinery.loads(b"\x80\x04(c" + function + b"\n" + args + b"R" + refused + b"t.", policy=policy)
            assert happened == []


def test_what_a_program_grants_besides_is_not_called_before_all_is_judged() -> None:
    refused = b"cos\nsystem\n"
    key = f"{__name__}:Called"
    policy = brinery.Policy.allow(key, call="tuple")
    inert = brinery.Policy.from_toml(f'policy = 1\n[globals."{key}"]\ncall = "tuple[]"\ninert = true\n')
    stream = b"\x80\x04(c" + __name__.encode() + b"\nCalled\nK\x01\x85R" + refused + b"t."
    for rules in (policy, policy | inert, inert | policy):
        happened.clear()
        with pytest.raises(brinery.PolicyError):
            brinery.loads(stream, policy=rules)
        assert happened == []


class Handler:
    """What is there, and can be called."""

    def __call__(self) -> int:
        return 5


handler = Handler()
HANDLERS = f"""
policy = 1
[globals."{__name__}:handler"]
call = "tuple[]"
inert = true
[globals."{__name__}:Handler"]
value = true
construct = "tuple[]"
attributes = true
"""


def test_objects_that_are_there_are_called_and_nothing_else() -> None:
    policy = brinery.Policy.from_toml(HANDLERS)
    name = b"c" + __name__.encode() + b"\n"
    assert brinery.loads(b"\x80\x02" + name + b"handler\n)R.", policy=policy) == 5
    assert brinery.loads(b"\x80\x02" + name + b"Handler\n)\x81}U\x01xK\x01sb.", policy=policy).x == 1
    for stream in (
        # Its state, or itself as a value, or within one.
        name + b"Handler\n0" + name + b"handler\n}U\x01xK\x01sb.",
        name + b"Handler\n0" + name + b"handler\n}X\x01\0\0\0xK\x01sbK\x01.",
        name + b"handler\n.",
        name + b"Handler\n0]" + name + b"handler\na.",
        name + b"Handler\n)\x81}X\x01\0\0\0x" + name + b"handler\nsb.",
    ):
        with pytest.raises(brinery.PolicyError):
            brinery.loads(b"\x80\x02" + stream, policy=policy)
        assert vars(handler) == {}


kept: list[Any] = []


def keep(value: Any) -> int:
    kept.append(value)
    return 1


APPENDED = b"X\x01\0\0\0xa"
CHANGED = {
    "in a tuple": ("tuple[list[int]]", b"]q\0K\x01a\x85", APPENDED),
    "deep in tuples": (
        "tuple[tuple[tuple[tuple[tuple[tuple[list[int]]]]]]]",
        b"]q\0K\x01a" + 6 * b"\x85",
        APPENDED,
    ),
    "in a list": ("list[list[int]]", b"]](K\x01eq\0a", APPENDED),
    "one of several": ("None | list[int] | str", b"]q\0K\x01a", APPENDED),
    "a dict": ("dict[str, int]", b"}q\0X\x01\0\0\0aK\x01s", b"X\x01\0\0\0bX\x01\0\0\0bs"),
    "a set": ("set[int]", b"\x8fq\0(K\x01\x90", b"(X\x01\0\0\0x\x90"),
    "what a set is made of": ("set[int]", b"cbuiltins\nset\n]q\0(K\x01e\x85R", APPENDED),
}


@pytest.mark.parametrize("name", CHANGED)
def test_what_a_call_is_given_is_judged_at_the_end_as_well(name: str) -> None:
    shape, value, change = CHANGED[name]
    policy = brinery.Policy("stdlib") | brinery.Policy.allow(f"{__name__}:keep", call=f"tuple[{shape}]")
    called = b"\x80\x04c" + __name__.encode() + b"\nkeep\n" + value + b"\x85R"
    assert brinery.loads(called + b".", policy=policy) == 1
    kept.clear()
    with pytest.raises(brinery.PolicyError, match="changed after"):
        brinery.loads(called + b"q\x01h\0" + change + b"0h\x01.", policy=policy)
    assert kept == []
