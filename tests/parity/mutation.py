"""Spoil sound streams: bits flipped, pieces left out, doubled, swapped, and ends cut off."""

from __future__ import annotations

import pickle
import struct

from tests.identity.cases import CASES, LARGE
from tests.parity.dice import Dice

#: Bytes that mean something to a reader of pickles.
TELLING = [*b"().0123NIJKLMFGSTUVXBCcijloqrptuesabdghQPR", *range(0x80, 0x99), 0, 1, 0x7F, 0xFF]


def corpus() -> list[bytes]:
    """Return sound streams of every protocol, small enough to be read often."""
    streams = []
    for name, make in CASES.items():
        if name in LARGE or (not name.startswith(("standard", "reduction")) and "size" in name):
            continue
        for protocol in range(6):
            try:
                data = pickle.dumps(make(), protocol)
            except Exception:
                break
            if len(data) < 600:
                streams.append(data)
    return sorted(set(streams))


def mutate(dice: Dice, data: bytes, others: list[bytes]) -> bytes:
    """Return a stream with one to four things wrong."""
    spoilt = bytearray(data)
    for _ in range(dice.choice([1, 1, 1, 2, 3, 4])):
        if not spoilt:
            break
        at = dice.randrange(len(spoilt))
        to = min(len(spoilt), at + dice.choice([1, 1, 2, 4, 8, 16]))
        kind = dice.randrange(9)
        if kind == 0:
            spoilt[at] ^= 1 << dice.randrange(8)
        elif kind == 1:
            spoilt[at] = dice.choice(TELLING)
        elif kind == 2:
            del spoilt[at:to]
        elif kind == 3:
            spoilt[at:at] = spoilt[at:to]
        elif kind == 4:
            spoilt.insert(at, dice.choice(TELLING))
        elif kind == 5:
            del spoilt[at:]
        elif kind == 6:
            other = dice.choice(others)
            start = dice.randrange(len(other))
            spoilt[at:to] = other[start : start + dice.choice([1, 3, 8, 30])]
        elif kind == 7:
            layout = dice.choice(["<B", "<H", "<I", "<Q"])
            size = struct.calcsize(layout)
            spoilt[at : at + size] = struct.pack(
                layout, dice.choice([0, 1, 2 ** (8 * size - 1), 2 ** (8 * size) - 1])
            )
        else:
            end = spoilt[at:to]
            del spoilt[at:to]
            spoilt += end
    return bytes(spoilt)
