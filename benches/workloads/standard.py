"""Types of the standard library."""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import fractions
import pathlib
import uuid


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


def uuids() -> list[uuid.UUID]:
    """2,000 UUIDs."""
    return [uuid.UUID(int=number * 0x9E3779B97F4A7C15) for number in range(2000)]


def paths() -> list[pathlib.PurePath]:
    """1,000 paths."""
    return [
        pathlib.PurePosixPath("/var/lib", f"folder{number % 20}", f"file{number}") for number in range(1000)
    ]


def collection_types() -> list:
    """500 each of OrderedDict, defaultdict, Counter and deque."""
    return [
        made
        for number in range(500)
        for made in (
            collections.OrderedDict(a=number, b=2),
            collections.defaultdict(list, a=[number]),
            collections.Counter("abca"),
            collections.deque([number, 1], maxlen=5),
        )
    ]


def functions() -> list:
    """References to functions and classes of the standard library, 1,000 in all."""
    named = [obj for obj in vars(collections).values() if getattr(obj, "__module__", "") == "collections"]
    return (named * 1000)[:1000]
