"""Classes whose instances run code of the case while they are saved."""

from __future__ import annotations

import collections
import copyreg
import dataclasses
import enum
from collections.abc import Iterator
from typing import Any, NamedTuple


class Stage:
    """Where the hooks find the case that is running."""

    world: Any = None


def strike(where: str) -> Any:
    """Let the case do what it likes; return it."""
    world = Stage.world
    if world is not None:
        world.strike(where)
    return world


def make(*parts: Any) -> Any:
    """What reductions call."""
    made = Plain()
    made.parts = list(parts)
    return made


def make_list(*_: Any) -> Any:
    return collections.UserList()


def make_dict(*_: Any) -> Any:
    return collections.UserDict()


def set_state(obj: Any, state: Any) -> None:
    """A state setter of a reduction."""


def shadow(*_: Any) -> tuple:
    """A hook that lies in the instance."""
    world = strike("shadow")
    return make, (world.grow(1) if world else None,)


def shadow_state(*_: Any) -> dict:
    """A `__getstate__` that lies in the instance."""
    world = strike("shadow state")
    return {"state": world.grow(1) if world else None}


class Plain:
    """Attributes only."""


class Other(Plain):
    """A class that instances may change into."""


@dataclasses.dataclass
class Record:
    """A dataclass."""

    first: Any = None
    second: Any = None


@dataclasses.dataclass(frozen=True)
class Frozen:
    """A frozen dataclass."""

    first: Any = None
    second: Any = None


class Slots:
    """Slots only."""

    __slots__ = ("first", "second")


class SlotsAndDict(Slots):
    """Slots and attributes."""


class Point(NamedTuple):
    """A named tuple."""

    x: Any
    y: Any


class Colour(enum.Enum):
    """An enumeration."""

    RED = 1
    BLUE = "blue"


class Text(str):
    """A subclass of str with attributes."""


class Whole(int):
    """A subclass of int."""


class Pair(tuple):
    """A subclass of tuple."""


class ByTable(Plain):
    """Reduced by a dispatch table."""


class GetState(Plain):
    """Its state is asked for."""

    def __getstate__(self) -> Any:
        world = strike("__getstate__")
        if world is None:
            return dict(self.__dict__)
        return world.pick(
            lambda: self.__dict__,
            lambda: dict(self.__dict__),
            lambda: (self.__dict__, {"more": world.grow(1)}),
            lambda: world.grow(2),
            lambda: None,
        )

    def __setstate__(self, state: Any) -> None:
        pass


class Reduce(Plain):
    """It says how it is made, in another way each time."""

    def __reduce_ex__(self, protocol: int) -> Any:
        world = strike("__reduce_ex__")
        if world is None:
            return make, ()
        return world.pick(
            lambda: (make, (world.grow(1), world.grow(1))),
            lambda: (make, (), self.__dict__),
            lambda: (make, (self.__dict__,), self.__dict__),
            lambda: (make, tuple(self.__dict__.values()), dict(self.__dict__)),
            lambda: (make_list, (), None, items("listitems", list(self.__dict__.values()))),
            lambda: (make_list, (), None, iter([world.grow(1) for _ in range(3)])),
            lambda: (make_list, (), None, fresh("fresh listitems", 5)),
            lambda: (make_dict, (), None, None, iter(list(self.__dict__.items()))),
            lambda: (make_dict, (), None, None, items("dictitems", list(self.__dict__.items()))),
            lambda: (make_dict, (), None, None, fresh_pairs("fresh dictitems", 5)),
            lambda: (make, (world.grow(1),), world.grow(1), None, None, set_state),
            lambda: (copyreg.__newobj__, (Reduce,), world.grow(1)),
            lambda: (copyreg.__newobj__, (type(self), *self.__dict__.values()), self.__dict__),
            lambda: copyreg.__reduce_ex__(self, min(protocol, 1)),
            lambda: "SINGLETON",
            lambda: object.__reduce_ex__(self, protocol),
        )

    def __setstate__(self, state: Any) -> None:
        pass

    def __new__(cls, *_: Any) -> Any:
        return object.__new__(cls)


SINGLETON = Reduce()


class Reduce0(Plain):
    """The older hook."""

    def __reduce__(self) -> Any:
        world = strike("__reduce__")
        parts = list(self.__dict__.values())
        return make, (world.grow(1) if world else None, parts), self.__dict__


def items(name: str, held: list) -> Iterator[Any]:
    """Yield what a list held, one by one, and forget it at once."""
    while held:
        strike(name)
        yield held.pop(0)


def fresh(name: str, count: int) -> Iterator[Any]:
    """Yield objects that nobody else holds."""
    for _ in range(count):
        world = strike(name)
        yield world.grow(2) if world else None


def fresh_pairs(name: str, count: int) -> Iterator[tuple]:
    """Yield pairs that nobody else holds."""
    for number in range(count):
        world = strike(name)
        yield (f"key {number}", world.grow(2) if world else None)


class NewArgs(Plain):
    """It names the arguments of its `__new__`."""

    def __new__(cls, *_: Any, **__: Any) -> Any:
        return object.__new__(cls)

    def __getnewargs_ex__(self) -> tuple:
        world = strike("__getnewargs_ex__")
        return ((world.grow(1),), {"word": world.grow(1)}) if world else ((), {})


class NewArgs0(NewArgs):
    """The same without keywords."""

    __getnewargs_ex__ = None
    del __getnewargs_ex__

    def __getnewargs__(self) -> tuple:
        world = strike("__getnewargs__")
        return (world.grow(1), world.grow(1)) if world else ()


class Plain0(Plain):
    """An ordinary `__new__` of its own with arguments."""

    def __new__(cls, *_: Any) -> Any:
        return object.__new__(cls)

    def __getnewargs__(self) -> tuple:
        world = strike("__getnewargs__ of Plain0")
        return (world.grow(1), world.grow(1)) if world else ()


class Looked(Plain):
    """It watches what is looked up."""

    def __getattribute__(self, name: str) -> Any:
        if name in ("__reduce_ex__", "__reduce__", "__getstate__", "__dict__", "__class__"):
            strike(f"lookup of {name}")
        return object.__getattribute__(self, name)


class List(list):
    """A list that is read in its own way."""

    def __iter__(self) -> Iterator[Any]:
        for index in range(list.__len__(self) + 1):
            strike("List.__iter__")
            if index < list.__len__(self):
                yield self[index]

    def __len__(self) -> int:
        strike("List.__len__")
        return list.__len__(self)


class SubList(list):
    """A list with attributes."""


class Dict(dict):
    """A dict that is read in its own way."""

    def items(self) -> Any:
        strike("Dict.items")
        return items("item of Dict", list(dict.items(self)))


class SubDict(dict):
    """A dict with attributes."""


class Set(set):
    """A set that is read in its own way."""

    def __iter__(self) -> Iterator[Any]:
        for element in list(set.__iter__(self)):
            strike("Set.__iter__")
            yield element


class Key:
    """A key that strikes when it is compared or saved."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    def __hash__(self) -> int:
        return len(self.name)

    def __eq__(self, other: object) -> bool:
        strike("Key.__eq__")
        return self is other

    def __reduce__(self) -> tuple:
        strike("Key.__reduce__")
        return Key, (self.name,)


class Doomed:
    """It acts when it goes."""

    def __init__(self, held: Any = None) -> None:
        self.held = held

    def __del__(self) -> None:
        world = Stage.world
        if world is not None:
            world.last_act(self)

    def __reduce__(self) -> tuple:
        strike("Doomed.__reduce__")
        return Doomed, (self.held,)


def by_table(obj: Any) -> tuple:
    """The reducer of a dispatch table."""
    world = strike("by table")
    return make, (world.grow(1) if world else None, obj.__dict__)


class Table:
    """A dispatch table that strikes when it is asked."""

    def __getitem__(self, kind: type) -> Any:
        strike(f"table[{kind.__name__}]")
        if kind is ByTable:
            return by_table
        raise KeyError(kind)


INSTANCES = (
    Plain,
    Plain,
    Plain,
    GetState,
    Reduce,
    Reduce,
    Reduce0,
    NewArgs,
    NewArgs0,
    Plain0,
    Looked,
    ByTable,
    SlotsAndDict,
    Record,
)
