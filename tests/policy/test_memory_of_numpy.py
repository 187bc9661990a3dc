"""What granted code computes with numpy is counted, though numpy takes its memory from the system by itself."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest

import brinery

np = pytest.importorskip("numpy")
try:
    from numpy._core.multiarray import get_handler_name
except ImportError:
    from numpy.core.multiarray import get_handler_name  # type: ignore[no-redef,import-not-found]

#: What is computed of a number: with the smaller it is a few bytes, with the larger more than 2 GiB.
WAYS: dict[str, Callable[[int], Any]] = {
    "arange": np.arange,
    "ones": np.ones,
    "empty, filled": lambda n: np.empty(n).fill(1),
    "linspace": lambda n: np.linspace(0, 1, n),
    "tile": lambda n: np.tile([1, 2], n),
    "random": lambda n: np.random.default_rng(1).random(n),
    "concatenate": lambda n: np.concatenate([np.ones(n // 16 + 1)] * 16),
    "many": lambda n: [np.full(1 << 20, i) for i in range(n >> 20)],
    "resize": lambda n: np.zeros(1).resize(n),
}


class Computes:
    """Something that computes something when it is given its state."""

    def __init__(self, way: str, number: int) -> None:
        self.way, self.number = way, number

    def __getstate__(self) -> tuple[str, int]:
        return self.way, self.number

    def __setstate__(self, state: tuple[str, int]) -> None:
        self.way, self.number = state
        self.made = WAYS[self.way](self.number)


POLICY = brinery.Policy.allow(Computes, construct="tuple[]", setstate="tuple[str, int]")


@pytest.mark.parametrize("way", WAYS)
def test_what_is_computed_is_counted(way: str) -> None:
    assert brinery.loads(pickle.dumps(Computes(way, 5)), policy=POLICY).number == 5
    with pytest.raises(brinery.PolicyError) as caught:
        brinery.loads(pickle.dumps([Computes(way, 1 << 28)]), policy=POLICY)
    assert caught.value.rule == "budget.memory"
    # Nothing is left behind.
    assert WAYS["arange"](1 << 20)[-1] == (1 << 20) - 1
    assert get_handler_name() == "default_allocator"


def test_what_is_not_too_much_is_made() -> None:
    made = brinery.loads(
        pickle.dumps([Computes("ones", 1 << 20), Computes("arange", 1 << 21)]), policy=POLICY
    )
    assert made[0].made.sum() == 1 << 20
    made[1].made.resize(1 << 22)
    assert made[1].made.size == 1 << 22
    wider = POLICY.limits(memory=8 << 30)
    assert brinery.loads(pickle.dumps(Computes("empty, filled", 1 << 26)), policy=wider).number == 1 << 26


def test_other_threads_are_not_bounded() -> None:
    """A load that has little left takes nothing from those beside it."""
    sizes: list[int] = []
    entered, done = threading.Event(), threading.Event()

    def beside() -> None:
        entered.wait(10)
        sizes.append(np.ones(1 << 26).size)
        done.set()

    def waits(number: int) -> None:
        entered.set()
        done.wait(10)

    WAYS["waits"] = waits
    thread = threading.Thread(target=beside)
    thread.start()
    brinery.loads(pickle.dumps(Computes("waits", 1)), policy=POLICY)
    thread.join()
    assert sizes == [1 << 26]


def test_loads_within_loads() -> None:
    inner = pickle.dumps(Computes("ones", 1 << 28))
    seen: list[str] = []

    def loads(number: int) -> None:
        try:
            brinery.loads(inner, policy=POLICY)
        except brinery.PolicyError as error:
            seen.append(error.rule)
        np.ones(1 << 29)

    WAYS["loads"] = loads
    with pytest.raises(brinery.PolicyError) as caught:
        brinery.loads(pickle.dumps(Computes("loads", 1)), policy=POLICY)
    assert (seen, caught.value.rule) == (["budget.memory"], "budget.memory")
    assert np.ones(1 << 20).size == 1 << 20
