"""Instances of classes that pickle in different ways."""

from __future__ import annotations

import collections
from dataclasses import dataclass

from benches.workload import and_shuffled


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


class Settings(dict):
    """A subclass of dict."""


class Metres(float):
    """A subclass of float."""


class Tag(str):
    """A subclass of str."""


class Estimator:
    """An estimator as machine-learning libraries have it: parameters, learned attributes, a version in its state."""

    def __init__(self, **parameters: object) -> None:
        self.__dict__.update(parameters)

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_library_version": "1.5.0"}

    def __setstate__(self, state: dict) -> None:
        state = dict(state)
        state.pop("_library_version")
        self.__dict__.update(state)


class Split:
    """A node of a decision tree."""

    def __init__(self, depth: int, number: int) -> None:
        self.feature = number % 13
        self.threshold = number / 3
        self.samples = 1 << (8 - depth)
        self.left = Split(depth + 1, 2 * number) if depth < 6 else None
        self.right = Split(depth + 1, 2 * number + 1) if depth < 6 else None


Pair = collections.namedtuple("Pair", "left right")


@and_shuffled
def plain() -> list[Plain]:
    """2,000 instances of an ordinary class."""
    return [Plain(number) for number in range(2000)]


@and_shuffled
def dataclasses() -> list[Data]:
    """2,000 dataclass instances."""
    return [Data(number, f"object {number}", number / 7) for number in range(2000)]


def frozen() -> list[Frozen]:
    """2,000 frozen dataclass instances."""
    return [Frozen(number, f"object {number}") for number in range(2000)]


@and_shuffled
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
    """1,000 instances of a subclass of list with an attribute."""
    made = []
    for number in range(1000):
        words = Words(["a", "b", str(number)])
        words.language = "en"
        made.append(words)
    return made


def dict_subclass() -> list[Settings]:
    """1,000 instances of a subclass of dict."""
    return [Settings(host=f"host{number}", port=number) for number in range(1000)]


def scalar_subclasses() -> list[Metres | Tag]:
    """1,000 each of instances of subclasses of float and str."""
    return [made for number in range(1000) for made in (Metres(number / 3), Tag(f"tag {number}"))]


def exceptions() -> list[Exception]:
    """1,000 exceptions."""
    return [KeyError(f"key {number}") for number in range(1000)]


def estimator() -> Estimator:
    """An estimator: a pipeline of steps with parameters, the last a forest of 20 decision trees."""
    scaler = Estimator(copy=True, with_mean=True, mean_=[n / 7 for n in range(40)], scale_=[1.0] * 40)
    trees = [
        Estimator(
            criterion="gini",
            max_depth=6,
            min_samples_leaf=2,
            random_state=number,
            classes_=("no", "yes"),
            tree_=Split(0, 1),
        )
        for number in range(20)
    ]
    forest = Estimator(n_estimators=20, bootstrap=True, oob_score=False, estimators_=trees)
    return Estimator(steps=[("scale", scaler), ("forest", forest)], memory=None, verbose=False)
