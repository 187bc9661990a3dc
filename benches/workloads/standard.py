"""Types of the standard library."""

from __future__ import annotations

import ast
import collections
import datetime as dt
import decimal
import enum
import fractions
import pathlib
import re
import uuid


class Colour(enum.Enum):
    """An enumeration."""

    RED = 1
    GREEN = 2
    BLUE = 3


class Mode(enum.IntFlag):
    """Flags."""

    READ = 1
    WRITE = 2


def datetimes() -> list[dt.datetime]:
    """2,000 naive datetimes."""
    return [dt.datetime(2024, 1, 1) + dt.timedelta(minutes=number) for number in range(2000)]


def aware_datetimes() -> list[dt.datetime]:
    """2,000 datetimes in UTC."""
    return [
        dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc) + dt.timedelta(hours=number) for number in range(2000)
    ]


def dates() -> list[tuple[dt.date, dt.timedelta]]:
    """2,000 dates with durations."""
    return [(dt.date(2000, 1, 1) + dt.timedelta(number), dt.timedelta(number, 5)) for number in range(2000)]


def decimals() -> list[decimal.Decimal]:
    """2,000 decimals."""
    return [decimal.Decimal(number) / 7 for number in range(2000)]


def rationals() -> list[fractions.Fraction]:
    """2,000 fractions."""
    return [fractions.Fraction(number, number + 1) for number in range(2000)]


def complexes() -> list[complex]:
    """2,000 complex numbers."""
    return [complex(number, number / 3) for number in range(2000)]


def uuids() -> list[uuid.UUID]:
    """2,000 UUIDs."""
    return [uuid.UUID(int=number * 0x9E3779B97F4A7C15) for number in range(2000)]


def paths() -> list[pathlib.PurePath]:
    """1,000 paths."""
    return [
        pathlib.PurePosixPath("/var/lib", f"folder{number % 20}", f"file{number}") for number in range(1000)
    ]


def enums() -> list[Colour]:
    """3,000 references to three members of an enumeration."""
    return [Colour(number % 3 + 1) for number in range(3000)]


def flags() -> list[Mode]:
    """3,000 references to flags."""
    return [Mode(number % 4) for number in range(3000)]


def ordered_dicts() -> list[collections.OrderedDict]:
    """1,000 OrderedDicts."""
    return [collections.OrderedDict(a=number, b=2, c="three") for number in range(1000)]


def defaultdicts() -> list[collections.defaultdict]:
    """1,000 defaultdicts."""
    return [collections.defaultdict(list, a=[number], b=[]) for number in range(1000)]


def counters() -> list[collections.Counter]:
    """1,000 Counters."""
    return [collections.Counter(f"abracadabra{number}") for number in range(1000)]


def deques() -> list[collections.deque]:
    """1,000 deques of ten items."""
    return [collections.deque(range(number, number + 10), maxlen=20) for number in range(1000)]


def ranges_and_slices() -> list[range | slice]:
    """1,000 each of ranges and slices."""
    return [made for number in range(1000) for made in (range(number), slice(number, None, 2))]


def patterns() -> list[re.Pattern]:
    """1,000 references to 10 compiled regular expressions."""
    compiled = [re.compile(rf"item-(\d+)-{number}") for number in range(10)]
    return [compiled[number % 10] for number in range(1000)]


def functions() -> list:
    """30 functions by name."""
    return _named(ast, re, decimal, collections, uuid, kind=type(_named))[:30]


def classes() -> list[type]:
    """100 classes by name."""
    return _named(ast, kind=type)[:100]


def repeated_functions() -> list:
    """References to functions and classes of the standard library, 1,000 in all."""
    named = [obj for obj in vars(collections).values() if getattr(obj, "__module__", "") == "collections"]
    return (named * 1000)[:1000]


def syntax_tree() -> ast.Module:
    """The syntax tree of the module that defines this."""
    return ast.parse(pathlib.Path(__file__).read_text(encoding="utf-8"))


def _named(*modules: object, kind: type) -> list:
    return [
        obj
        for module in modules
        for name, obj in sorted(vars(module).items())
        if isinstance(obj, kind) and obj.__module__ == module.__name__ and obj.__qualname__ == name
    ]
