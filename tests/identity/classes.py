"""Classes and functions that the identity cases pickle by reference or by value."""

from __future__ import annotations

import collections
import copyreg
import enum
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Plain:
    """Nothing but attributes."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)

    def method(self) -> int:
        return 1

    @classmethod
    def made(cls) -> Plain:
        return cls()

    @staticmethod
    def fixed() -> int:
        return 2

    class Nested:
        """A class in a class."""

        class Deeper:
            """Two levels down."""

            def method(self) -> int:
                return 3


class Child(Plain):
    """A subclass of a plain class."""

    kind = "child"


class Slots:
    """Slots and no dict."""

    __slots__ = ("a", "b", "unset")

    def __init__(self, a: Any = 1, b: Any = "two") -> None:
        self.a, self.b = a, b


class SlotsAndDict(Slots):
    """Slots from the base, and a dict."""


class MangledSlots:
    """A slot with a private name."""

    __slots__ = ("__secret",)

    def __init__(self) -> None:
        self.__secret = 5


class _Private:
    """A class with a private name."""

    class __Hidden:
        """A name-mangled class."""

    def __method(self) -> int:
        return 4

    @classmethod
    def hidden(cls) -> type:
        return cls.__Hidden

    def bound(self) -> Any:
        return self.__method


@dataclass
class Data:
    """A dataclass."""

    name: str = "name"
    value: float = 1.5
    tags: list = field(default_factory=list)


@dataclass(frozen=True)
class Frozen:
    """A frozen dataclass."""

    x: int = 1
    y: int = 2


@dataclass(frozen=True)
class FrozenSlots:
    """A frozen dataclass with slots written by hand."""

    __slots__ = ("x", "y")
    x: int
    y: int

    def __getstate__(self) -> tuple:
        return (self.x, self.y)

    def __setstate__(self, state: tuple) -> None:
        for name, value in zip(("x", "y"), state):
            object.__setattr__(self, name, value)


class Point(NamedTuple):
    """A typed named tuple."""

    x: int
    y: int = 0


Pair = collections.namedtuple("Pair", "first second")


class Colour(enum.Enum):
    """An enumeration."""

    RED = 1
    GREEN = "green"


class Number(enum.IntEnum):
    """An enumeration of integers."""

    ONE = 1
    TWO = 2


class Option(enum.Flag):
    """An enumeration of flags."""

    A = enum.auto()
    B = enum.auto()


class Bits(enum.IntFlag):
    """An enumeration of integer flags."""

    R = 4
    W = 2


class MyInt(int):
    pass


class MyFloat(float):
    pass


class MyComplex(complex):
    pass


class MyStr(str):
    pass


class MyBytes(bytes):
    pass


class MyByteArray(bytearray):
    pass


class MyTuple(tuple):
    pass


class MyList(list):
    pass


class MyDict(dict):
    pass


class MySet(set):
    pass


class MyFrozenSet(frozenset):
    pass


class MyOrderedDict(collections.OrderedDict):
    pass


class MyDefaultDict(collections.defaultdict):
    pass


class MyDeque(collections.deque):
    pass


BUILTIN_SUBCLASSES = {
    MyInt: 7,
    MyFloat: 2.5,
    MyComplex: 1 + 2j,
    MyStr: "text",
    MyBytes: b"bytes",
    MyByteArray: b"array",
    MyTuple: (1, 2),
    MyList: [1, 2],
    MyDict: {1: 2},
    MySet: {1, 2},
    MyFrozenSet: {3},
    MyOrderedDict: {"a": 1},
    MyDeque: [1, 2],
}


class SlotList(list):
    """A list with slots."""

    __slots__ = ("label",)


class GetState:
    """State of the class's choosing."""

    def __init__(self, state: Any) -> None:
        self.state = state

    def __getstate__(self) -> Any:
        return self.state

    def __setstate__(self, state: Any) -> None:
        self.state = state


class GetStateOnly(GetState):
    """``__getstate__`` with the default way back."""

    __setstate__ = None  # type: ignore[assignment]


class DictState(Plain):
    """``__getstate__`` gives a changed copy of the dict."""

    def __getstate__(self) -> dict:
        return {**self.__dict__, "added": True}


class LiveDictState(Plain):
    """``__getstate__`` gives the dict itself."""

    def __getstate__(self) -> dict:
        return self.__dict__


class NewArgs:
    """``__getnewargs__``."""

    def __new__(cls, *args: Any) -> NewArgs:
        self = super().__new__(cls)
        self.args = args
        return self

    def __getnewargs__(self) -> tuple:
        return self.args


class NewArgsEx:
    """``__getnewargs_ex__``."""

    def __new__(cls, *args: Any, **kwargs: Any) -> NewArgsEx:
        self = super().__new__(cls)
        self.arguments = (args, kwargs)
        return self

    def __getnewargs_ex__(self) -> tuple:
        return self.arguments


class IntWithNewArgs(int):
    """A subclass of int with arguments of its own."""

    def __new__(cls, value: int, unit: str = "") -> IntWithNewArgs:
        self = super().__new__(cls, value)
        self.unit = unit
        return self

    def __getnewargs__(self) -> tuple:
        return int(self), self.unit


class Reduced:
    """``__reduce__`` gives what the constructor was given."""

    def __init__(self, reduction: Any = None) -> None:
        self.reduction = reduction

    def __reduce__(self) -> Any:
        return self.reduction


class Listed:
    """A reduction with items, which it can give again and again."""

    def __init__(self, arguments: tuple, state: Any, items: list) -> None:
        self.parts = arguments, state, items

    def __reduce__(self) -> tuple:
        arguments, state, items = self.parts
        return Collector, arguments, state, iter(items)


class ReducedEx:
    """``__reduce_ex__`` tells the protocol."""

    def __init__(self, protocol: int = -1) -> None:
        self.protocol = protocol

    def __reduce_ex__(self, protocol: int) -> tuple:
        return ReducedEx, (protocol,)


class Collector:
    """Takes anything that a reduction can give."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args, self.kwargs = args, kwargs
        self.items: list = []
        self.pairs: list = []

    def append(self, item: Any) -> None:
        self.items.append(item)

    def extend(self, items: Any) -> None:
        self.items.extend(items)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.pairs.append((key, value))

    def __setstate__(self, state: Any) -> None:
        self.state = state


def set_state(obj: Any, state: Any) -> None:
    """A state setter, the sixth part of a reduction."""
    obj.state = ("set by function", state)


def plain_function() -> None:
    """A function by name."""


SINGLETON = Reduced("SINGLETON")


class Temporaries:
    """Hands out fresh objects that nothing else holds; their addresses are soon used again."""

    def __reduce__(self) -> tuple:
        return Collector, ([1], (2,), {"k": "v" * 3}), {"state": [3]}, iter([[4], [5], [6]])


class FreshState:
    """A state made anew at every call."""

    def __init__(self, count: int = 3) -> None:
        self.count = count

    def __getstate__(self) -> dict:
        return {f"key{index}": [index, (index, str(index) * 2)] for index in range(self.count)}


class Shadowed(Plain):
    """For instances whose attributes have the names of hooks."""


class MetaLevel(type):
    """A metaclass."""


class WithMeta(metaclass=MetaLevel):
    """A class of another metaclass."""


class ReducingMeta(type):
    """A metaclass whose classes say how they are pickled."""

    def __reduce__(cls) -> Any:
        return "ByMeta"


class ByMeta(metaclass=ReducingMeta):
    """A class pickled by its metaclass."""


class Delegating:
    """``__getattr__`` answers for everything, and fails."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


class Registered:
    """Pickled through copyreg."""

    def __init__(self, value: Any = None) -> None:
        self.value = value


copyreg.pickle(Registered, lambda obj: (Registered, (obj.value,)))


class ByTable:
    """Pickled through a dispatch table of a pickler."""

    def __init__(self, value: Any = None) -> None:
        self.value = value


class Extension1:
    """Has an extension code of one byte."""


class Extension2:
    """Has an extension code of two bytes."""


class Extension4:
    """Has an extension code of four bytes."""


EXTENSION_CODES = {Extension1: 0xF0, Extension2: 0xFFF0, Extension4: 0x7FFFFFF0}
for _class, _code in EXTENSION_CODES.items():
    copyreg.add_extension(_class.__module__, _class.__qualname__, _code)


class Node:
    """A node of a graph."""

    def __init__(self, *links: Any) -> None:
        self.links = list(links)


class HashedByName:
    """A hash of the instance's own, needed before the state is there if cycles are loaded carelessly."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.peers: set = set()


class KeywordError(Exception):
    """An exception with attributes."""

    def __init__(self, message: str, *, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class Changing:
    """Its reduction changes the list that holds it."""

    def __init__(self, holder: Any, change: Any) -> None:
        self.holder, self.change = holder, change

    def __hash__(self) -> int:
        return 1

    def __reduce__(self) -> tuple:
        self.change(self.holder)
        return plain_function, ()


class Unpicklable:
    """Refuses to be pickled."""

    def __reduce__(self) -> Any:
        raise LookupError("cannot be pickled")
