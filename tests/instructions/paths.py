"""Ten core paths: what is saved and loaded. A change here asks for new counts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class Plain:
    """An ordinary class."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = f"object {number}"
        self.parts: list[int] = []


@dataclass
class Data:
    """A dataclass."""

    number: int
    name: str
    weight: float


def records() -> list[dict[str, Any]]:
    """Return dicts with the same keys."""
    return [
        {"id": number, "name": f"user {number}", "score": number / 7, "tags": ["a", "b"], "parent": None}
        for number in range(500)
    ]


def strings() -> list[str]:
    """Return strings, all different, some with accents."""
    return [f"item-{number:06d}" if number % 8 else f"größe {number}" for number in range(2000)]


def ints() -> list[int]:
    """Return integers of one to nine bytes."""
    return [number**3 * (-1) ** number for number in range(2000)]


def message() -> dict[str, Any]:
    """Return one small message."""
    return {"id": 7, "kind": "update", "user": "ada", "values": [1, 2, 3], "at": 1.5}


def plain() -> list[Plain]:
    """Return instances of an ordinary class."""
    return [Plain(number) for number in range(500)]


def dataclasses() -> list[Data]:
    """Return dataclass instances."""
    return [Data(number, f"object {number}", number / 7) for number in range(500)]


def tree() -> list:
    """Return a tree of 341 lists."""

    def grown(depth: int) -> list:
        return [grown(depth - 1) if depth else number for number in range(4)]

    return grown(4)


def shared() -> list:
    """Return lists that hold shared dicts, and a cycle."""
    dicts = [{"id": number} for number in range(20)]
    lists: list = [[dicts[number % 20], dicts[number * 7 % 20]] for number in range(500)]
    lists.append(lists)
    return lists


def large_bytes() -> bytes:
    """Return one large bytes object."""
    return b"0123456789abcdef" * (1 << 16)


def datetimes() -> list[dt.datetime]:
    """Return datetimes, every other one in UTC."""
    zones = (None, dt.timezone.utc)
    return [dt.datetime(2024, 1, 1, tzinfo=zones[n % 2]) + dt.timedelta(hours=n) for n in range(500)]


#: The paths, and how many objects of each are saved or loaded.
PATHS: dict[str, tuple[Callable[[], Any], int]] = {
    "records": (records, 3),
    "strings": (strings, 3),
    "ints": (ints, 3),
    "message": (message, 500),
    "plain": (plain, 3),
    "dataclasses": (dataclasses, 3),
    "tree": (tree, 3),
    "shared": (shared, 3),
    "large_bytes": (large_bytes, 3),
    "datetimes": (datetimes, 3),
}
