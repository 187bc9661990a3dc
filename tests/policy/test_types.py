"""Loading by type."""

from __future__ import annotations

import datetime
import enum
import pickle
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Optional, Union

import pytest

import brinery


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
