"""Loading by type."""

from __future__ import annotations

import abc
import array
import collections
import datetime
import decimal
import enum
import pickle
import re
import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, NamedTuple, NewType, Optional, TypeVar, Union

import pytest

import brinery
from brinery import _brinery, _types


class Color(enum.Enum):
    RED = 1
    GREEN = 2


class Point(NamedTuple):
    x: int
    y: int


@dataclass
class Line:
    points: list[Point]
    # The annotations are evaluated, and Python 3.9 knows no `|` of types.
    color: Optional[Color] = None  # noqa: UP045
    born: Optional[datetime.date] = None  # noqa: UP045


@dataclass
class Drawing:
    lines: dict[str, Line] = field(default_factory=dict)
    parent: Optional[Drawing] = None  # noqa: UP045


@dataclass
class Other:
    x: int = 0


DRAWING = Drawing({"a": Line([Point(1, 2)], Color.RED, datetime.date(2020, 1, 2))}, Drawing())


@pytest.mark.parametrize("protocol", range(6))
def test_objects_of_the_type_load(protocol: int) -> None:
    again = brinery.loads(pickle.dumps(DRAWING, protocol), type=Drawing)
    assert again == DRAWING
    assert again.lines["a"].color is Color.RED


@pytest.mark.parametrize("value", [Other(), [Drawing()], Drawing({"a": Other()}), Drawing(parent=Line([]))])  # type: ignore[dict-item, arg-type]
def test_others_are_refused(value: Any) -> None:
    with pytest.raises(brinery.PolicyError):
        brinery.loads(pickle.dumps(value), type=Drawing)


@pytest.mark.parametrize(
    ("value", "annotation", "path"),
    [
        ([1, "x"], list[int], "obj[1]"),
        ({"a": [1, None]}, dict[str, list[int]], "obj['a'][1]"),
        ((1, 2), tuple[int, str], "obj[1]"),
        (True, int, "obj"),
        (None, str, "obj"),
        (Drawing({"a": Line([Point(1, "y")])}), Drawing, "obj.lines['a'].points[0].y"),  # type: ignore[arg-type]
    ],
)
def test_the_error_says_where(value: Any, annotation: Any, path: str) -> None:
    with pytest.raises(brinery.PolicyError) as caught:
        brinery.loads(pickle.dumps(value), type=annotation)
    assert (caught.value.rule, caught.value.path) == ("type", path)


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        ([1, 2], list[int]),
        (None, Optional[int]),
        ("x", Union[int, str]),
        ({1, 2}, "set"),
        ((1, "a"), tuple[int, str]),
        ((1, 2, 3), tuple[int, ...]),
        ([[1], ["a"]], list[Union[list[int], list[str]]]),
        (1.5, float),
        (datetime.date(2020, 1, 2), datetime.date),
        (datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc), datetime.datetime),
        (datetime.time(3, 4, tzinfo=datetime.timezone(datetime.timedelta(hours=1))), datetime.time),
        (datetime.datetime(2020, 1, 2, tzinfo=zoneinfo.ZoneInfo("UTC")), datetime.datetime),
        (zoneinfo.ZoneInfo("UTC"), zoneinfo.ZoneInfo),
        (re.compile("a+", re.IGNORECASE), re.Pattern),
        (array.array("d", [1.5]), array.array),
        ({"k": b"v"}, dict[str, bytes]),
        ([Color.RED], list[Color]),
        (Any, None),
    ],
)
def test_generics(value: Any, annotation: Any) -> None:
    if annotation == "set":
        annotation = set
    if value is Any:
        value = None
    assert brinery.loads(pickle.dumps(value, 4), type=annotation) == value


def test_a_type_does_not_open_anything_else() -> None:
    with pytest.raises(brinery.PolicyError):
        brinery.loads(b"cos\nsystem\n(S'true'\ntR.", type=Drawing)


def test_shared_objects_are_checked_once() -> None:
    value: Any = []
    for _ in range(60):
        value = [value, value]
    with pytest.raises(brinery.PolicyError):
        brinery.loads(pickle.dumps([value, "x"]), type=list[list[Any]])


class Shape(abc.ABC):
    """A base class that says itself what is an instance."""

    sides: int = 3


class Square(Shape):
    sides = 4


class Small(int):
    """A number of another class."""


Name = NewType("Name", str)
Number = TypeVar("Number", int, float)
CYCLE: list[Any] = [1]
CYCLE.append(CYCLE)
VALUES: list[Any] = [
    None, True, 1, 1.5, "x", b"x", bytearray(b"y"), Small(3), Color.RED, 1 << 80, int, Name("n"),
    [], [1], [1, "x"], [True], [[1], []], [None, 1], ["x"], (), (1,), (1, "x"), (1, 2, 3), ((1,), 2), {}, {"a": 1},
    {1: "a"}, {"a": [1]}, {"a": {"b": None}}, {1, 2}, {"x"}, frozenset({1}), collections.OrderedDict(a=1),
    collections.deque([1]), collections.Counter("aab"), datetime.date(2020, 1, 2), datetime.datetime(2020, 1, 2),
    decimal.Decimal("1.5"), Point(1, 2), Point(1, "y"), Line([Point(1, 2)], Color.RED), Line([1]), DRAWING,  # type: ignore[arg-type, list-item]
    Drawing({"a": DRAWING}), Other(), Other("x"), Square(), Shape(), CYCLE, [DRAWING, Other()],  # type: ignore[dict-item, arg-type]
]  # fmt: skip
ANNOTATIONS: list[Any] = [
    Any, object, None, bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, type, Name,
    list[int], list[Any], list[Optional[int]], list[list[int]], tuple[int, str], tuple[int, ...], tuple[()],
    dict[str, int], dict[str, Any], dict[str, list[int]], dict[str, dict[str, Optional[int]]], Mapping[str, int],
    Sequence[int], Sequence[str], set[int], frozenset[int], collections.OrderedDict, collections.deque[int],
    collections.Counter[str], Optional[int], Union[int, str], Union[list[int], list[str]], Union[int, list[str], None],
    Literal[1, "x", None], Literal[Color.RED], Color, Optional[Color], datetime.date, datetime.datetime,
    Optional[datetime.date], decimal.Decimal, Point, Line, Drawing, Other, Union[Drawing, Other], list[Union[Drawing, Other]],
    Shape, Square, Optional[Shape], list[Name], Number, type[int],
]  # fmt: skip


@pytest.mark.parametrize("annotation", ANNOTATIONS, ids=str)
def test_the_fast_yes_is_a_yes(annotation: Any) -> None:
    compiled = _types.compiled(annotation)
    for value in VALUES:
        try:
            _types.look(value, annotation)
            fits = True
        except brinery.PolicyError:
            fits = False
        fast = _brinery._type_fits(compiled, value)
        assert fits or not fast, (value, annotation)


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        ([1, 2], list[int]),
        ({"a": [1, None]}, dict[str, list[Optional[int]]]),
        ((1, "x"), tuple[int, str]),
        ((1, 2), tuple[int, ...]),
        (DRAWING, Drawing),
        ([DRAWING, Other()], list[Union[Drawing, Other]]),
        (None, Optional[Drawing]),
        ([1.5, 2], Sequence[float]),
        ({"a": 1}, Mapping[str, int]),
        ({1}, set[int]),
        (Color.RED, Color),
        (Square(), Square),
        (["n"], list[Name]),
        (1, Literal[1, 2]),
        (Small(1), int),
    ],
    ids=str,
)
def test_what_is_plainly_of_a_type_is_known_to_be_fast(value: Any, annotation: Any) -> None:
    assert _brinery._type_fits(_types.compiled(annotation), value)


def test_a_property_may_change_what_is_looked_at() -> None:
    @dataclass
    class Changing:
        items: list[Any]

        @property
        def last(self) -> Any:
            self.items.clear()
            return [1]

    Changing.__annotations__["last"] = "list[int]"
    changing = Changing([[index] for index in range(100)])
    assert _brinery._type_fits(_types.compiled(Changing), changing)
    assert not changing.items


def test_a_type_of_nodes_that_are_not_there_is_an_error() -> None:
    for nodes in ([], [("list", 1)], [("list", -1)], [()]):
        with pytest.raises(ValueError, match="node"):
            _brinery._type_compile(nodes)  # type: ignore[arg-type]


T = TypeVar("T")


class Box(Generic[T]):
    """A generic class."""

    def __init__(self, content: T) -> None:
        self.content = content


@dataclass
class Crate(Generic[T]):
    content: T
    inner: Any = None


class Outer:
    class Kind(enum.Enum):
        A = 1

    @dataclass
    class Inner:
        x: int = 0


@pytest.mark.parametrize("protocol", range(6))
def test_generic_classes_note_their_arguments(protocol: int) -> None:
    for value in (Crate(1), Crate[int](1), Crate[Crate[int]](Crate(1))):
        again = brinery.loads(pickle.dumps(value, protocol), type=Crate[Any])
        assert again == value
        assert getattr(again, "__orig_class__", None) == getattr(value, "__orig_class__", None)


@pytest.mark.parametrize("protocol", range(6))
def test_classes_within_classes(protocol: int) -> None:
    for value in (Outer.Kind.A, Outer.Inner(3)):
        assert brinery.loads(pickle.dumps(value, protocol), type=type(value)) == value


@pytest.mark.parametrize("protocol", range(6))
def test_generic_classes_are_learnt(protocol: int) -> None:
    samples = [
        pickle.dumps([Box[int](1), list[Other], Optional[Box[str]]], protocol) for protocol in range(6)
    ]  # noqa: UP045
    policy = brinery.Policy.learn(samples)
    value = [Box[str]("x"), dict[str, Other], Box[Other](Other())]
    policy |= brinery.Policy.learn([pickle.dumps(Other(), protocol) for protocol in range(6)])
    again = brinery.loads(pickle.dumps(value, protocol), policy=policy)
    assert again[0].__orig_class__ == Box[str]
    assert again[1] == value[1]
    assert again[2].__orig_class__ == Box[Other]


class Noted:
    """A class that notes something else."""


def test_nothing_but_a_class_with_arguments_is_noted() -> None:
    policy = brinery.Policy("stdlib") | brinery.Policy.allow(Noted) | brinery.Policy.allow(Noted, value=True)
    for wrong in ("text", [1], 1, Noted, Noted()):
        value = Noted()
        value.__dict__["__orig_class__"] = wrong
        with pytest.raises(brinery.PolicyError):
            brinery.loads(pickle.dumps(value), policy=policy)
    value = Noted()
    value.__dict__["__orig_class__"] = list[int]
    assert brinery.loads(pickle.dumps(value), policy=policy).__orig_class__ == list[int]


class Acting:
    def __class_getitem__(cls, item: object) -> object:
        raise AssertionError("it was called")


def test_classes_are_given_arguments_where_that_is_granted_alone() -> None:
    attack = b"\x80\x02c_operator\ngetitem\nc" + __name__.encode() + b"\nActing\nK\x01\x86R."
    with pytest.raises(brinery.PolicyError) as caught:
        brinery.loads(
            attack, policy=brinery.Policy("stdlib") | brinery.Policy.allow(Acting, value=True, members=["*"])
        )
    assert caught.value.rule == "global.call"
