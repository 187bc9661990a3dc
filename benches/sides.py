"""The engines that are compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Side(NamedTuple):
    """An engine under the name that the table gives it."""

    name: str
    dumps: Callable[[object, int], bytes]
    loads: Callable[[bytes], object]


def sides() -> list[Side]:
    """Return brinery, the stock engine, and the stock engine once more."""
    import _pickle

    import brinery

    return [
        Side("brinery", brinery.dumps, brinery.loads),
        Side("pickle", _pickle.dumps, _pickle.loads),
        Side("again", _pickle.dumps, _pickle.loads),
    ]
