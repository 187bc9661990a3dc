"""Single small objects, as they go over a wire: what one call costs."""

from __future__ import annotations

import datetime as dt
import shutil

from benches.workloads.instances import Data, Plain


def message() -> dict:
    """A message of five keys."""
    return {"id": 7, "kind": "update", "user": "ada", "values": [1, 2, 3], "at": 1.5}


def event() -> dict:
    """A message of two levels with a time and a tuple."""
    return {
        "type": "order.created",
        "at": dt.datetime(2024, 5, 17, 12, 30, 5, 250_000),
        "payload": {"id": 90210, "lines": [("tea", 2, 4.5), ("milk", 1, 1.25)], "paid": True, "note": None},
    }


def one_int() -> int:
    """One integer."""
    return 12345


def one_string() -> str:
    """One string of 20 characters."""
    return "a string of 20 chars"


def one_plain() -> Plain:
    """One instance of an ordinary class."""
    return Plain(1)


def one_dataclass() -> Data:
    """One dataclass instance."""
    return Data(1, "object", 0.5)


def task() -> tuple:
    """A function by name with its positional and named arguments."""
    return shutil.copyfile, ("/srv/in/report.csv", "/srv/out/report.csv"), {"follow_symlinks": True}


def exception() -> ValueError:
    """An exception, as it comes back from a worker."""
    return ValueError("no column is called 'price'", 3)
