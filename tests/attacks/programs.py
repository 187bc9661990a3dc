"""Honest programs of several kinds: what they save is learnt from, and what is learnt is attacked by its own names."""

from __future__ import annotations

import collections
import dataclasses
import decimal
import enum
import fractions
import logging
import os
import pathlib
import zlib
from typing import Any, NamedTuple


def mark(*_: object) -> None:
    """Leave the mark: what nobody but the program itself may do."""
    with open("effect", "w", encoding="utf-8"):
        pass


# A shop.


class Settings:
    """What there is once, and is saved by its name."""

    def __init__(self) -> None:
        self.admin = False

    def __reduce__(self) -> str:
        return "SETTINGS"


class Registry(dict):  # type: ignore[type-arg]
    """A dict that there is once."""

    def __reduce__(self) -> str:  # type: ignore[override]
        return "REGISTRY"


class Log(list):  # type: ignore[type-arg]
    """A list that there is once."""

    def __reduce__(self) -> str:  # type: ignore[override]
        return "JOURNAL"


SETTINGS, REGISTRY, JOURNAL = Settings(), Registry(admin=False), Log(["begun"])


class Order:
    """A plain class."""

    currency = "EUR"

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


class Point:
    """A class with slots."""

    __slots__ = ("x", "y")

    def __init__(self, x: int, y: int) -> None:
        self.x, self.y = x, y


@dataclasses.dataclass(frozen=True)
class Item:
    """A frozen dataclass, which can be a key."""

    name: Any
    count: Any = 0


class Row(NamedTuple):
    """A named tuple."""

    key: Any
    value: Any


class Color(enum.Enum):
    """An enumeration."""

    RED = 1
    BLUE = 2


class Right(enum.IntFlag):
    """A flag."""

    READ = 1
    WRITE = 2


# Accounts, with hooks of their own.


class Account:
    """A class with a state of its own, and methods that are saved bound."""

    def __init__(self, owner: str = "") -> None:
        self.owner, self.parts = owner, [1]

    def __getstate__(self) -> dict[str, Any]:
        return dict(self.__dict__)

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    def close(self) -> None:
        """Do what a program does when it calls back."""
        mark()

    def wipe(self) -> None:
        """Do what nobody asked for."""
        mark()


#: A property that acts when it is set.
LEVEL = property(lambda instance: 0, mark)


class Thermostat:
    """A class with a property that acts when it is set."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    level = LEVEL


class Guarded:
    """A class that acts whenever an attribute is set."""

    def __init__(self, name: str = "") -> None:
        self.__dict__["name"] = name

    def __setattr__(self, name: str, value: object) -> None:
        mark()


class Temporary:
    """A class that removes its file when it goes."""

    def __init__(self, path: str = "") -> None:
        self.path = path

    def __del__(self) -> None:
        if getattr(self, "path", ""):
            mark()


class Slotted:
    """A class with slots and a property beside them."""

    __slots__ = ("a", "b")

    def __init__(self, a: object = None, b: object = None) -> None:
        self.a, self.b = a, b

    level = LEVEL


class Trouble(Exception):
    """An exception with a state, and with a property."""

    level = LEVEL


class Entry:
    """A class whose objects are keys, and are hashed and compared by their parts."""

    def __init__(self, parts: Any) -> None:
        self.parts = parts

    def __hash__(self) -> int:
        return hash(self.parts if isinstance(self.parts, (int, str, tuple)) else tuple(self.parts))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Entry) and self.parts == other.parts


# Tasks: functions and partials of them.


def notify(*texts: object) -> object:
    """Tell somebody: a function that tasks have, and that nothing may call while it is loaded."""
    mark()
    return None


def scale(value: object = 0, factor: object = 1) -> object:
    """Do nothing bad: another."""
    return value


class Task:
    """What is done later."""

    def __init__(self, action: object = None, *arguments: object) -> None:
        self.action, self.arguments = action, arguments


class Listener:
    """What calls what it holds as soon as it is loaded."""

    def __init__(self, action: object = None) -> None:
        self.action = action

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        if callable(self.action):
            self.action()


class Relay:
    """What calls what it holds when it is called."""

    def __init__(self, action: object = None) -> None:
        self.action = action

    def __call__(self) -> object:
        return self.action() if callable(self.action) else None


class Eager:
    """What calls what it is given as soon as it is made."""

    def __init__(self, *actions: object) -> None:
        self.actions = actions
        for action in actions:
            if callable(action):
                action()

    def __reduce__(self) -> tuple[object, ...]:
        return Eager, self.actions


class Alarm:
    """A class whose objects leave the mark when they are made or rung."""

    def __init__(self) -> None:
        mark()

    def ring(self) -> None:
        """Leave the mark."""
        mark()


def alarm() -> Alarm:
    """Return an alarm that was not rung."""
    return Alarm.__new__(Alarm)


# What takes sizes.


class Buffer(bytearray):
    """A class that takes a size."""


class Blob(bytes):
    """Another."""


class Label(str):
    """A text that takes anything."""

    __slots__ = ()


class Level(int):
    """A number."""


class Series(tuple):  # type: ignore[type-arg]
    """A tuple."""

    __slots__ = ()


class Tags(frozenset):  # type: ignore[type-arg]
    """A set."""


class Ratio(fractions.Fraction):
    """A fraction."""


class Money(decimal.Decimal):
    """A decimal number."""


class Queue(collections.deque):  # type: ignore[type-arg]
    """A queue."""


class Tally(collections.Counter):  # type: ignore[type-arg]
    """A counter."""


class Folder(pathlib.PurePosixPath):
    """A path."""


class Grid:
    """A class that is made anew of its sizes."""

    def __init__(self, rows: int, columns: int, fill: object = 0) -> None:
        self.rows, self.columns = rows, columns
        self.cells = [[fill] * columns for _ in range(rows)]

    def __reduce__(self) -> tuple[Any, ...]:
        return Grid, (self.rows, self.columns)


def repeated(text: str, count: int) -> str:
    """Return a text so many times."""
    return text * count


class Page:
    """A class that repeats a text."""

    def __init__(self, text: str, count: int) -> None:
        self.text, self.count, self.whole = text, count, repeated(text, count)

    def __reduce__(self) -> tuple[Any, ...]:
        return Page, (self.text, self.count)


class Waiter:
    """A class that counts when it is given a state."""

    def __init__(self, turns: int = 0) -> None:
        self.turns = turns

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.done = sum(1 for _ in range(self.turns))


class Table:
    """A class that makes room when it is given a state."""

    def __init__(self, size: int = 0) -> None:
        self.size = size

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.cells = [None] * self.size


class Word:
    """A class that is made of a number of letters."""

    def __new__(cls, count: int = 0) -> Word:
        """Make room."""
        made = super().__new__(cls)
        made.letters = bytearray(count)  # type: ignore[attr-defined]
        return made

    def __getnewargs__(self) -> tuple[int]:
        return (len(self.letters),)  # type: ignore[attr-defined]

    def __getstate__(self) -> None:
        return None


class Power:
    """A class that calculates with what it is made of."""

    def __init__(self, base: int, exponent: int) -> None:
        self.base, self.exponent = base, exponent
        self.value = base**exponent

    def __reduce__(self) -> tuple[Any, ...]:
        return Power, (self.base, self.exponent)


class Packed:
    """A class that unpacks what it is made of."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.text = zlib.decompress(content)

    def __reduce__(self) -> tuple[Any, ...]:
        return Packed, (self.content,)


class Joined:
    """A class that puts texts together, slowly."""

    def __init__(self, parts: list[str]) -> None:
        self.parts = parts
        self.lengths = [len("".join(parts[:count])) for count in range(len(parts))]

    def __reduce__(self) -> tuple[Any, ...]:
        return Joined, (self.parts,)


class Handle:
    """What is got by a name, from among those that there are."""

    known: dict[str, Handle] = {}

    def __init__(self, name: str) -> None:
        self.name, self.open = name, False

    def __reduce__(self) -> tuple[Any, ...]:
        return handle, (self.name,)


def handle(name: str) -> Handle:
    """Return the one of this name, which the program has."""
    return Handle.known.setdefault(name, Handle(name))


MAIN = handle("main")


class Session:
    """What is got by a name, and given a state."""

    known: dict[str, Session] = {}

    def __init__(self, name: str) -> None:
        self.name, self.admin = name, False

    def __reduce__(self) -> tuple[Any, ...]:
        return session, (self.name,), dict(self.__dict__)


def session(name: str) -> Session:
    """Return the one of this name, which the program has or has from now on."""
    if name not in Session.known:
        Session.known[name] = Session(name)
    return Session.known[name]


class Unit:
    """A class that has one object for each name, whoever makes it."""

    known: dict[str, Unit] = {}

    def __new__(cls, name: str) -> Unit:
        """Return the one that there is."""
        if name not in cls.known:
            cls.known[name] = super().__new__(cls)
            cls.known[name].name, cls.known[name].factor = name, 1.0  # type: ignore[attr-defined]
        return cls.known[name]

    def __getnewargs__(self) -> tuple[str]:
        return (self.name,)  # type: ignore[attr-defined]


class Cache(dict):  # type: ignore[type-arg]
    """A dict that is got by a name, and filled."""

    known: dict[str, Cache] = {}

    def __reduce__(self) -> tuple[Any, ...]:  # type: ignore[override]
        return cache, ("new",), None, None, iter(self.items())


def cache(name: str) -> Cache:
    """Return the one of this name."""
    return Cache.known.setdefault(name, Cache())


class Trail(list):  # type: ignore[type-arg]
    """A list that is got by a name, and filled."""

    known: dict[str, Trail] = {}

    def __reduce__(self) -> tuple[Any, ...]:  # type: ignore[override]
        return trail, ("new",), None, iter(self)


def trail(name: str) -> Trail:
    """Return the one of this name."""
    return Trail.known.setdefault(name, Trail())


ADMIN, METRE, CACHE, TRAIL = session("admin"), Unit("m"), cache("main"), trail("main")

#: What is there once, and must stay as it is.
SHARED: list[Any] = [
    SETTINGS,
    REGISTRY,
    JOURNAL,
    MAIN,
    ADMIN,
    METRE,
    CACHE,
    TRAIL,
    logging.getLogger("shop"),
    logging.getLogger(),
]
_CLASSES = [found for found in list(globals().values()) if isinstance(found, type)]
_FUNCTIONS = [mark, notify, scale, repeated, handle, session]


def _state() -> list[Any]:
    contents = [dict(REGISTRY), list(JOURNAL), dict(CACHE), list(TRAIL), os.environ.get("BRINERY_EVIL")]
    members = [dict(vars(member)) for kind in (Color, Right) for member in kind]
    owned = [{key: value for key, value in vars(thing).items() if key != "_cache"} for thing in SHARED]
    classes = [
        {key: id(value) for key, value in vars(kind).items() if not key.startswith("_abc")}
        for kind in _CLASSES
    ]
    return [contents, members, owned, classes, [dict(vars(function)) for function in _FUNCTIONS]]


def copied(value: Any) -> Any:
    """Return a state as it is now."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [copied(item) for item in value]
    return value if isinstance(value, (int, str, type(None))) else id(value)


_BEFORE = copied(_state())


def changed() -> bool:
    """Return whether something that belongs to the program was changed."""
    return bool(copied(_state()) != _BEFORE)


__all__ = [name for name in list(globals()) if not name.startswith("_")]


# Functions that are told what to do.


def circle(*_: object) -> str:
    """Return what is harmless."""
    return "circle"


def square(*_: object) -> str:
    """Return what is harmless."""
    return "square"


DEEDS = {"circle": circle, "square": square, "wipe": mark}


def run_deed(kind: str, *parts: Any) -> Any:
    """Do what there is under a name."""
    return DEEDS.get(kind, circle)(*parts)


def run_pair(pair: tuple[str, Any]) -> Any:
    """Do what a pair says."""
    return run_deed(*pair)


def run_deeds(kinds: list[str]) -> list[Any]:
    """Do what there is under some names."""
    return [run_deed(kind) for kind in kinds]


def run_plan(plan: dict[str, str]) -> Any:
    """Do what a dict says."""
    return run_deed(plan.get("kind", "circle"))


class Deed:
    """A class that does something when one of its objects is made."""

    def __init__(self, kind: str, times: int | None = 1) -> None:
        self.times = times
        run_deed(kind)

    @classmethod
    def of(cls, kind: str) -> str:
        """Do something and return that it is done."""
        cls(kind)
        return "done"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Deed) and self.times == other.times

    def __hash__(self) -> int:
        return hash(self.times)


class Drawn:
    """What is saved as the call of a function."""

    def __init__(self, function: Any, *parts: Any) -> None:
        self.function = function
        self.parts = parts

    def __reduce__(self) -> tuple[Any, ...]:
        return self.function, self.parts
