"""Harmless classes and functions for streams to name, construct, call and fill."""

from __future__ import annotations

import collections
import copyreg
import enum
from typing import Any


class Unchanging(type):
    """A metaclass whose classes no stream can change: one input must not tell on the next."""

    def __setattr__(cls, name: str, value: Any) -> None:
        raise TypeError("this class cannot be changed")


class Plain(metaclass=Unchanging):
    """Attributes only."""


class Init(metaclass=Unchanging):
    """A constructor that takes anything."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args, self.kwargs = args, kwargs


class NoArguments(metaclass=Unchanging):
    """A constructor that takes nothing, and a ``__getinitargs__``, which asks for it to be called."""

    def __init__(self) -> None:
        self.made = True

    def __getinitargs__(self) -> tuple:
        return ()


class Slots(metaclass=Unchanging):
    """Slots and no dict."""

    __slots__ = ("a", "b")


class State(metaclass=Unchanging):
    """Takes any state."""

    def __setstate__(self, state: Any) -> None:
        self.state = state


class BadState(metaclass=Unchanging):
    """Takes no state."""

    def __setstate__(self, state: Any) -> None:
        raise LookupError("no state")


class OwnSetattr(metaclass=Unchanging):
    """Notes what is set."""

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, "set_" + name, value)


class Appending(metaclass=Unchanging):
    """Takes items one by one."""

    def __init__(self) -> None:
        self.items: list = []

    def append(self, item: Any) -> None:
        self.items.append(item)


class Extending(metaclass=Unchanging):
    """Takes items many at a time; ``add`` and ``__setitem__`` too."""

    def __init__(self) -> None:
        self.items: list = []

    def extend(self, items: Any) -> None:
        self.items.append(list(items))

    add = extend

    def __setitem__(self, key: Any, value: Any) -> None:
        self.items.append((key, value))


class NewArguments(metaclass=Unchanging):
    """``__new__`` wants two arguments."""

    def __new__(cls, first: Any, second: Any = None, *, third: Any = None) -> NewArguments:
        self = super().__new__(cls)
        self.arguments = first, second, third
        return self


class ListChild(list, metaclass=Unchanging):
    pass


class DictChild(dict, metaclass=Unchanging):
    pass


class SetChild(set, metaclass=Unchanging):
    pass


class IntChild(int, metaclass=Unchanging):
    pass


class StrChild(str, metaclass=Unchanging):
    pass


class TupleChild(tuple, metaclass=Unchanging):
    pass


class ErrorChild(Exception, metaclass=Unchanging):
    pass


class Pair(collections.namedtuple("Pair", "a b"), metaclass=Unchanging):
    __slots__ = ()


Point = collections.namedtuple("Point", "x y")


class Level(enum.Enum):
    """Members that a number or a text stands for. All inputs have the same, so no state changes them."""

    LOW = 1
    HIGH = "a"

    def __setstate__(self, state: Any) -> None:
        pass


class Bits(enum.IntFlag):
    """The same for numbers that can be combined."""

    FIRST = 1
    SECOND = 2

    def __setstate__(self, state: Any) -> None:
        pass


class Outer(metaclass=Unchanging):
    """A class with names inside."""

    class Inner(metaclass=Unchanging):
        """Two levels down."""

        constant = 5

    def method(self) -> str:
        return "method"

    @staticmethod
    def static(*args: Any) -> tuple:
        return args


class Collect(metaclass=Unchanging):
    """A callable without a dict that gives back what it was called with."""

    __slots__ = ()

    def __call__(self, *args: Any) -> tuple:
        return ("called", *args)

    def __reduce__(self) -> str:
        return "collect"


class Refuse(metaclass=Unchanging):
    """A callable without a dict that raises."""

    __slots__ = ()

    def __call__(self, *args: Any) -> None:
        raise ArithmeticError("refused")

    def __reduce__(self) -> str:
        return "refuse"


collect = Collect()
refuse = Refuse()
constant = "constant"

MODULE = __name__
NAMES = (
    "Plain Init NoArguments Slots State BadState OwnSetattr Appending Extending NewArguments ListChild DictChild "
    "SetChild IntChild StrChild TupleChild ErrorChild Pair Point Outer Outer.Inner Outer.method Outer.static Outer.Inner.constant "
    "collect refuse constant"
).split()
#: Names elsewhere that are as harmless, Python 2's among them.
OTHERS = [
    ("builtins", "list"),
    ("builtins", "dict"),
    ("builtins", "set"),
    ("builtins", "frozenset"),
    ("builtins", "tuple"),
    ("builtins", "object"),
    ("builtins", "complex"),
    ("builtins", "Exception"),
    ("builtins", "OSError"),
    ("builtins", "ImportError"),
    ("builtins", "ExceptionGroup"),
    ("builtins", "slice"),
    ("builtins", "str"),
    ("builtins", "int"),
    ("builtins", "reversed"),
    ("__builtin__", "set"),
    ("__builtin__", "unicode"),
    ("__builtin__", "long"),
    ("exceptions", "ValueError"),
    ("copy_reg", "_reconstructor"),
    ("copyreg", "__newobj__"),
    ("collections", "OrderedDict"),
    ("collections", "deque"),
    ("collections", "Counter"),
    ("datetime", "timedelta"),
    ("datetime", "datetime"),
    ("fractions", "Fraction"),
    ("uuid", "UUID"),
    ("_codecs", "encode"),
    ("decimal", "Decimal"),
    ("datetime", "timezone"),
    ("collections", "defaultdict"),
    ("pathlib", "PurePosixPath"),
    ("pathlib", "PosixPath"),
    ("builtins", "range"),
    (MODULE, "Bits"),
    (MODULE, "Level"),
    ("tests.parity", "targets.collect"),
]
#: Names of nothing.
MISSING = [
    (MODULE, "missing"),
    (MODULE, "Outer.missing"),
    (MODULE, "Outer..Inner"),
    (MODULE, "Outer.method.<locals>.x"),
    ("builtins", "nothing of that name"),
    ("exceptions", "StandardError"),
    ("no_such_module", "name"),
    ("", ""),
]
#: What can be constructed, from how many values, and how it can be filled.
FITTING = [
    ("Plain", 0, "state slots"),
    ("Init", 0, "state slots"),
    ("NoArguments", 0, "state"),
    ("Slots", 0, "slots"),
    ("State", 0, "state slots"),
    ("OwnSetattr", 0, "slots"),
    ("Appending", 0, "items"),
    ("Extending", 0, "items pairs state"),
    ("NewArguments", 2, "state"),
    ("ListChild", 0, "items state"),
    ("DictChild", 0, "pairs state"),
    ("SetChild", 0, "state"),
    ("IntChild", 0, "state"),
    ("StrChild", 0, "state"),
    ("TupleChild", 0, "state"),
    ("ErrorChild", 2, "state"),
    ("Pair", 2, "state"),
    ("Point", 2, ""),
    ("Outer.Inner", 0, "state"),
]
#: Extension codes: registered here, registered for what is missing, and not registered.
CODES = {0x80: "Plain", 0x81: "Init", 0x8001: "collect", 0x7FFF0001: "State"}
MISSING_CODE = 0x82
UNREGISTERED = (MISSING_CODE, 0, 1, 0x83, 0x8002, 0x7FFF0002, -1, 0x80000000)
for _code, _name in [*CODES.items(), (MISSING_CODE, "missing")]:
    copyreg.add_extension(MODULE, _name, _code)
