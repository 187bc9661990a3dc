"""Instances of classes that pickle in different ways."""

from __future__ import annotations

import collections
import enum
from dataclasses import dataclass


class Plain:
    """An ordinary class."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = f"object {number}"
        self.weight = number / 7
        self.children = []


@dataclass
class Data:
    """A dataclass."""

    number: int
    name: str
    weight: float


@dataclass(frozen=True)
class Frozen:
    """A frozen dataclass."""

    number: int
    name: str


class Slots:
    """A class with slots."""

    __slots__ = ("number", "name")

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = f"object {number}"


class State:
    """A class with __getstate__ and __setstate__."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.cache = object()

    def __getstate__(self) -> dict:
        return {"number": self.number}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)


class Reduced:
    """A class with __reduce__."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple:
        return Reduced, (self.number,)


class Words(list):
    """A subclass of list with an attribute."""


class Colour(enum.Enum):
    """An enumeration."""

    RED = 1
    GREEN = 2
    BLUE = 3


Pair = collections.namedtuple("Pair", "left right")


def plain() -> list[Plain]:
    """2,000 instances of an ordinary class."""
    return [Plain(number) for number in range(2000)]


def dataclasses() -> list[Data]:
    """2,000 dataclass instances."""
    return [Data(number, f"object {number}", number / 7) for number in range(2000)]


def frozen() -> list[Frozen]:
    """2,000 frozen dataclass instances."""
    return [Frozen(number, f"object {number}") for number in range(2000)]


def slots() -> list[Slots]:
    """2,000 instances with slots."""
    return [Slots(number) for number in range(2000)]


def namedtuples() -> list[Pair]:
    """2,000 named tuples."""
    return [Pair(number, f"object {number}") for number in range(2000)]


def getstate() -> list[State]:
    """2,000 instances with __getstate__ and __setstate__."""
    return [State(number) for number in range(2000)]


def reduce() -> list[Reduced]:
    """2,000 instances with __reduce__."""
    return [Reduced(number) for number in range(2000)]


def list_subclass() -> list[Words]:
    """500 instances of a subclass of list."""
    made = []
    for number in range(500):
        words = Words(["a", "b", str(number)])
        words.language = "en"
        made.append(words)
    return made


def enums() -> list[Colour]:
    """3,000 references to three members."""
    return [Colour(number % 3 + 1) for number in range(3000)]
