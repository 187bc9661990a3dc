"""Single small objects, as they go over a wire: what one call costs."""

from __future__ import annotations

import operator

from benches.workloads.instances import Data


def five_keys() -> dict:
    """A message of five keys."""
    return {"id": 7, "kind": "update", "user": "ada", "values": [1, 2, 3], "at": 1.5}


def one_int() -> int:
    """One integer."""
    return 12345


def one_instance() -> Data:
    """One dataclass instance."""
    return Data(1, "object", 0.5)


def task() -> tuple:
    """A function by name with its arguments."""
    return operator.add, (1, 2), {}
