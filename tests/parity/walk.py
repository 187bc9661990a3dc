"""Walk over a stream opcode by opcode, without running it. A pickle has no jumps: one walk sees all there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

FIXED = {b"J": 4, b"K": 1, b"M": 2, b"G": 8, b"h": 1, b"q": 1, b"j": 4, b"r": 4, b"\x95": 8}
FIXED |= {b"\x80": 1, b"\x82": 1, b"\x83": 2, b"\x84": 4}
LINES = {b"I": 1, b"L": 1, b"F": 1, b"S": 1, b"V": 1, b"c": 2, b"i": 2, b"P": 1, b"g": 1, b"p": 1}
COUNTED = {
    b"T": 4,
    b"U": 1,
    b"X": 4,
    b"\x8c": 1,
    b"\x8d": 8,
    b"B": 4,
    b"C": 1,
    b"\x8e": 8,
    b"\x96": 8,
    b"\x8a": 1,
    b"\x8b": 4,
}


class Read(NamedTuple):
    """One read that a loader makes after an opcode."""

    opcode: bytes
    start: int
    end: int
    #: How many bytes the argument claims that follow this read, or the index it gives.
    claim: int


def reads(data: bytes) -> Iterator[Read]:
    """Yield the reads of a stream's arguments, up to STOP or to the end of what is there."""
    at = 0
    while at < len(data):
        opcode = data[at : at + 1]
        at += 1
        if opcode == b".":
            return
        if opcode in COUNTED:
            size = COUNTED[opcode]
            claim = int.from_bytes(data[at : at + size], "little")
            yield Read(opcode, at, at + size, claim)
            at += size
            yield Read(opcode, at, at + claim, 0)
            at += claim
        elif opcode in FIXED:
            size = FIXED[opcode]
            yield Read(opcode, at, at + size, int.from_bytes(data[at : at + size], "little"))
            at += size
        for _ in range(LINES.get(opcode, 0)):
            end = data.find(b"\n", at) + 1 or len(data) + 1
            yield Read(opcode, at, end, _number(data[at : end - 1]) if opcode == b"p" else 0)
            at = end


def end_of_pickle(data: bytes) -> int:
    """Return the offset behind STOP."""
    last = 0
    for read in reads(data):
        last = read.end
    return data.find(b".", last) + 1


def _number(text: bytes) -> int:
    try:
        return int(text.decode("utf-8", "replace"))
    except ValueError:
        return 0
