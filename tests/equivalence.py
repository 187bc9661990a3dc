"""Say where two object graphs differ, down to types, signs of zero, sharing and interning."""

from __future__ import annotations

import math
import struct
import sys
import types
from pickle import PickleBuffer
from typing import Any

#: Compared by value alone: pickle gives them no identity.
NUMBERS = (int, float, complex, bool)
#: Compared by value, and by which of them are one object.
TEXTS = (str, bytes)
#: Functions that may be bound to an object.
BOUND = (types.MethodType, types.BuiltinFunctionType, types.MethodWrapperType)


def is_interned(text: str) -> bool:
    """Say whether a string is the interned one of its value."""
    return sys.intern("".join(list(text))) is text


def _number(value: Any) -> object:
    if isinstance(value, complex):
        return _number(value.real), _number(value.imag)
    if isinstance(value, float):
        return "nan" if math.isnan(value) else struct.pack(">d", value)
    return value


def _order(value: Any) -> tuple[str, str]:
    """Return a sorting key that does not depend on addresses."""
    return type(value).__qualname__, repr(value) if isinstance(value, (*NUMBERS, *TEXTS)) else ""


def _slots(value: Any) -> dict[str, Any]:
    """Return what the slots of an instance hold."""
    held = {}
    for cls in type(value).__mro__:
        for name, member in vars(cls).items():
            if isinstance(member, types.MemberDescriptorType):
                try:
                    held[f"{cls.__qualname__}.{name}"] = member.__get__(value)
                except AttributeError:
                    continue
    return held


class _Comparison:
    """A walk over two graphs side by side, with a stack of its own."""

    def __init__(self) -> None:
        self.left: dict[int, Any] = {}
        self.right: dict[int, Any] = {}
        self.kept: list[Any] = []
        self.todo: list[tuple[Any, Any, str]] = []

    def push(self, a: Any, b: Any, path: str) -> None:
        self.todo.append((a, b, path))

    def run(self, a: Any, b: Any) -> str | None:
        """Return where the graphs differ first, or None."""
        self.push(a, b, "obj")
        while self.todo:
            a, b, path = self.todo.pop()
            if found := self.pair(a, b, path):
                return found
        return None

    def pair(self, a: Any, b: Any, path: str) -> str | None:
        """Compare one pair of objects and queue their parts."""
        if type(a) is not type(b):
            return f"{path}: {type(a)} and {type(b)}"
        if type(a) in NUMBERS or a is None:
            return None if _number(a) == _number(b) else f"{path}: {a!r} and {b!r}"
        if id(a) in self.left or id(b) in self.right:
            shared = self.left.get(id(a)) is b and self.right.get(id(b)) is a
            return None if shared else f"{path}: shared with other objects"
        self.left[id(a)], self.right[id(b)] = b, a
        self.kept += (a, b)
        return None if a is b else self.contents(a, b, path)

    def contents(self, a: Any, b: Any, path: str) -> str | None:
        """Compare what two objects of one type hold."""
        if isinstance(a, (str, bytes, bytearray)):
            if str.__ne__(a, b) if isinstance(a, str) else bytes(a) != bytes(b):
                return f"{path}: {a!r:.100} and {b!r:.100}"
        elif isinstance(a, NUMBERS):
            if _number(a) != _number(b):
                return f"{path}: {a!r} and {b!r}"
        elif isinstance(a, (tuple, list)):
            builtin = list if isinstance(a, list) else tuple
            if found := self.sequence(*(list(builtin.__iter__(x)) for x in (a, b)), path):
                return found
        elif isinstance(a, dict):
            mine, other = list(dict.items(a)), list(dict.items(b))
            if len(mine) != len(other):
                return f"{path}: {len(mine)} and {len(other)} keys"
            for (key, value), (other_key, other_value) in zip(mine, other):
                self.push(key, other_key, f"{path}.keys({key!r:.40})")
                self.push(value, other_value, f"{path}[{key!r:.40}]")
        elif isinstance(a, (set, frozenset)):
            if found := self.sequence(sorted(a, key=_order), sorted(b, key=_order), path):
                return found
        elif isinstance(a, (PickleBuffer, memoryview)):
            mine, other = memoryview(a), memoryview(b)
            if (bytes(mine), mine.readonly) != (bytes(other), other.readonly):
                return f"{path}: different buffers"
            return None
        elif isinstance(a, BOUND):
            self.push(a.__self__, b.__self__, f"{path}.__self__")
            self.push(a.__name__, b.__name__, f"{path}.__name__")
            return None
        elif isinstance(a, BaseException):
            self.push(a.args, b.args, f"{path}.args")
        elif not _plain(type(a)):
            self.reduced(a, b, path)
            return None
        return self.attributes(a, b, path)

    def sequence(self, mine: list[Any], other: list[Any], path: str) -> str | None:
        """Compare two lists of parts."""
        if len(mine) != len(other):
            return f"{path}: {len(mine)} and {len(other)} items"
        for index, (x, y) in enumerate(zip(mine, other)):
            self.push(x, y, f"{path}[{index}]")
        return None

    def attributes(self, a: Any, b: Any, path: str) -> str | None:
        """Compare the instance dicts and the slots."""
        mine, other = getattr(a, "__dict__", {}), getattr(b, "__dict__", {})
        names = [[name for name in names if isinstance(name, str)] for names in (mine, other)]
        if len(mine) != len(other) or names[0] != names[1]:
            return f"{path}: attributes {list(mine)} and {list(other)}"
        for name, other_name in zip(mine, other):
            # A damaged stream may have anything for a name.
            if not (isinstance(name, str) and isinstance(other_name, str)):
                self.push(name, other_name, f"{path}.names")
            if isinstance(name, str) and is_interned(name) != is_interned(other_name):
                return f"{path}.{name}: the name is interned in one only"
            self.push(mine[name], other[other_name], f"{path}.{name}")
        mine, other = _slots(a), _slots(b)
        if list(mine) != list(other):
            return f"{path}: slots {list(mine)} and {list(other)}"
        for name in mine:
            self.push(mine[name], other[name], f"{path}.{name}")
        return None

    def reduced(self, a: Any, b: Any, path: str) -> None:
        """Compare objects with insides of their own by what they say of themselves."""
        try:
            mine, other = a.__reduce_ex__(4), b.__reduce_ex__(4)
        except Exception:
            self.push(repr(type(a)), repr(type(b)), path)
            return
        if isinstance(mine, tuple):
            mine = tuple(list(part) if index > 2 and part else part for index, part in enumerate(mine))
            other = tuple(list(part) if index > 2 and part else part for index, part in enumerate(other))
        self.push(mine, other, f"{path}.__reduce_ex__()")


def _plain(cls: type) -> bool:
    """Say whether instances hold nothing but attributes."""
    return cls.__flags__ & (1 << 9) != 0 and all(base.__flags__ & (1 << 9) for base in cls.__mro__[:-1])


def difference(a: Any, b: Any) -> str | None:
    """Return a line that says where two object graphs differ, or None if they are alike.

    Alike means: the same types and values, the same objects shared at the same places, cycles included, and attribute
    names interned in both or in neither.
    """
    return _Comparison().run(a, b)
