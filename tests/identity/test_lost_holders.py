"""Identity where foreign code takes objects from their only holder while they are saved."""

from __future__ import annotations

import _pickle
import gc
import io

import brinery


class Taker:
    """Its reduction empties the list that holds it."""

    def __init__(self, holder: list | None) -> None:
        self.holder = holder

    def __reduce__(self) -> tuple:
        if self.holder is not None:
            self.holder.clear()
        gc.collect()
        return Taker, (None,)


def taken(number: int) -> list:
    """Return a list whose inner list loses its tuple on the way."""
    holder: list = []
    holder.append((Taker(holder), f"text {number}"))
    return [holder, [(index, f"other {number} {index}") for index in range(50)]]


def dumped(engine: object, protocol: int, number: int) -> bytes:
    """Dump such a list twice with one Pickler, and something else between that may reuse its memory."""
    file = io.BytesIO()
    pickler = engine.Pickler(file, protocol)
    graph = taken(number)
    for obj in (graph, [(index,) for index in range(100)], graph):
        pickler.dump(obj)
    return file.getvalue()


def test_a_tuple_taken_from_its_list() -> None:
    for protocol in range(6):
        for number in range(50):
            assert dumped(brinery, protocol, number) == dumped(_pickle, protocol, number)
