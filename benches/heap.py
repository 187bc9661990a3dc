"""Bring the heap into the state that it has in a program that has run for a while."""

from __future__ import annotations

import functools
import operator
import random
from collections.abc import Callable

#: Blocks of each size that are handed out in random order.
BLOCKS = 6_000
#: Sizes of the interpreter's small blocks.
SIZES = range(48, 272, 16)

_held: list[bytes] = []


def shuffle() -> None:
    """Make the next small objects lie in random places.

    A fresh heap lays objects side by side in the order in which they are made, which is the order in which they are
    saved. Here many blocks of each size are taken and given back in random order; every eighth stays taken, so that
    no page becomes whole again.
    """
    lengths, mixed = _plan()
    blocks = list(mixed(list(map(bytes, lengths))))
    _held[:] = blocks[::8]
    blocks.clear()


@functools.cache
def _plan() -> tuple[list[int], Callable[[list], tuple]]:
    """Return the lengths of bytes objects that fill the blocks, and what puts them into random order."""
    lengths = [size - 33 for size in SIZES for _ in range(BLOCKS)]
    return lengths, operator.itemgetter(*random.Random(8).sample(range(len(lengths)), len(lengths)))
