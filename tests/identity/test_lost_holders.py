"""Identity where foreign code takes objects from their only holder while they are saved."""

from __future__ import annotations

import _pickle
import gc
import hashlib
import io
from collections.abc import Iterator

import pytest

import brinery
from tests.identity import ways


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


#: What stock writes where it holds what it saves, on every such version; it crashes on others.
DIGEST = "f60750a6a283d110604f7fbb243fa8f34742b6071e052f552abbaa69c2392ebf"


@pytest.fixture
def small_heap() -> Iterator[None]:
    """Let collections pass over what is there already: many of them over the objects of a whole test run take minutes."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("small_heap")
def test_a_tuple_taken_from_its_list() -> None:
    written = hashlib.sha256()
    for protocol in range(6):
        for number in range(50):
            ours = dumped(brinery, protocol, number)
            written.update(ours)
            if ways.STOCK_HOLDS_ITEMS:
                assert ours == dumped(_pickle, protocol, number)
    assert written.hexdigest() == DIGEST
