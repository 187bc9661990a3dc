"""What a workload is, and the marks that a function in `benches.workloads` can carry."""

from __future__ import annotations

import functools
import importlib.util
import inspect
import pickle
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

#: Saves an object with a protocol, and loads what that returned.
Engine = tuple[Callable[[Any, int], Any], Callable[[Any], Any]]


def plainly(module: ModuleType) -> Engine:
    """Use ``dumps`` and ``loads`` of a module as they are."""
    return module.dumps, module.loads


class Beside:
    """A pickle with its buffers."""

    def __init__(self, data: bytes, buffers: list[pickle.PickleBuffer]) -> None:
        self.data, self.buffers = data, buffers

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Beside)
            and self.data == other.data
            and [bytes(buffer) for buffer in self.buffers] == [bytes(buffer) for buffer in other.buffers]
        )

    def __len__(self) -> int:
        return len(self.data)

    __hash__ = None


def out_of_band(module: ModuleType) -> Engine:
    """Hand buffers over instead of copying them."""

    def dumps(obj: Any, protocol: int) -> Beside:
        buffers: list[pickle.PickleBuffer] = []
        data = module.dumps(obj, max(protocol, 5), buffer_callback=buffers.append)
        return Beside(data, buffers)

    return dumps, lambda saved: module.loads(saved.data, buffers=saved.buffers)


@dataclass(frozen=True)
class Workload:
    """Something to pickle."""

    name: str
    #: Makes the object, equal each time and never pickled before.
    make: Callable[[], Any]
    #: One line that says what the object is.
    about: str
    #: Libraries that it needs besides the standard one.
    needs: tuple[str, ...] = ()
    #: Whether the blocks of memory that it is made of, or loaded into, lie in random order.
    shuffled: bool = False
    #: Whether it is larger than the processor's caches, so that what else the machine does counts.
    large: bool = False
    #: How a module that does what `pickle` does is used.
    way: Callable[[ModuleType], Engine] = plainly

    @property
    def family(self) -> str:
        """The module that it stands in."""
        return self.name.partition(".")[0]

    def missing(self) -> list[str]:
        """Return the libraries that are not installed."""
        return [name for name in self.needs if importlib.util.find_spec(name) is None]


def needs(*libraries: str) -> Callable[[Callable], Callable]:
    """Mark a workload that needs libraries: where one is missing, the report says so in its row."""
    return _mark("needs", libraries)


def used(way: Callable[[ModuleType], Engine]) -> Callable[[Callable], Callable]:
    """Mark a workload that is not saved and loaded with plain ``dumps`` and ``loads``."""
    return _mark("way", way)


def unchanging(function: Callable) -> Callable:
    """Mark a large workload whose objects stay as they are when they are saved: one is made, once."""
    made = functools.cache(function)
    return large(functools.wraps(function)(lambda: made()))


def large(function: Callable) -> Callable:
    """Mark a workload that is measured with nothing beside it."""
    return _mark("large", True)(function)


def and_shuffled(function: Callable) -> Callable:
    """Mark a workload that is also measured with its objects in random places of memory."""
    return _mark("twice", True)(function)


def _mark(what: str, value: Any) -> Callable[[Callable], Callable]:
    def mark(function: Callable) -> Callable:
        function.marks = {**getattr(function, "marks", {}), what: value}
        return function

    return mark


def collect(families: Iterable[ModuleType]) -> dict[str, Workload]:
    """Return the workloads of the modules by name: their own functions without a leading underscore."""
    found = {}
    for family in families:
        short = family.__name__.rpartition(".")[2]
        for name, function in vars(family).items():
            if not inspect.isfunction(function) or function.__module__ != family.__name__:
                continue
            if name.startswith("_"):
                continue
            marks = dict(getattr(function, "marks", {}))
            twice = marks.pop("twice", False)
            workload = Workload(f"{short}.{name}", function, function.__doc__.strip(), **marks)
            found[workload.name] = workload
            if twice:
                other = f"{workload.name}_shuffled"
                about = f"{workload.about.rstrip('.')}, in random places of memory."
                found[other] = replace(workload, name=other, about=about, shuffled=True)
    return found
