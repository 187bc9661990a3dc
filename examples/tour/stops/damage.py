"""Damages copies of the file and shows the one clear error that each gets."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import brinery
from tour.program import Tour

TITLE = "Damaged copies: one clear error that names the place"


def run(tour: Tour) -> None:
    """Load each damaged copy with both engines and compare what they say."""
    terminal = tour.terminal
    named = 0
    for what, data in copies(tour.file.read_bytes()):
        stock, ours = failure(pickle, data), failure(brinery, data)
        terminal.say(f"   {terminal.paint('bold', what)}")
        terminal.fact("  pickle", line(stock))
        terminal.fact("  brinery", line(ours))
        offset, opcode, path = (getattr(ours, name, None) for name in ("offset", "opcode", "path"))
        if offset is not None:
            named += 1
            terminal.fact("  at", f"byte {offset:,}, {opcode or 'no opcode'}, while building {path}")
        tour.check(type(ours) is type(stock), f"the same exception class, {type(stock).__name__}")
        terminal.say()
    tour.row("errors that name the place", f"{named} of 3", "0 of 3")
    tour.check(named == 3, "each error names offset, opcode and path")


def copies(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield damaged copies, each with a word on the damage."""
    half = len(data) // 2
    yield f"cut off at byte {half:,}", data[:half]

    # In the middle of the file, the first BUILD after it: a flipped bit makes it an unknown opcode.
    build = next(at for opcode, _, at in operations(data) if opcode == "BUILD" and at > half)
    yield f"the top bit of byte {build:,} flipped", flipped(data, build, 0x80)

    # A memo index that points past everything stored so far.
    get = next(at for opcode, index, at in operations(data) if opcode == "LONG_BINGET" and at > half)
    yield f"the top bit of byte {get + 4:,} flipped", flipped(data, get + 4, 0x80)


def operations(data: bytes) -> Iterator[tuple[str, object, int]]:
    """Yield the name, the argument and the offset of each opcode."""
    for opcode, argument, at in brinery.tools.genops(data):
        yield opcode.name, argument, at


def flipped(data: bytes, at: int, bits: int) -> bytes:
    """Return a copy with some bits of one byte flipped."""
    copy = bytearray(data)
    copy[at] ^= bits
    return bytes(copy)


def failure(module: object, data: bytes) -> Exception:
    """Load and return the exception."""
    try:
        module.loads(data)
    except Exception as error:
        return error
    raise AssertionError(f"{module.__name__} loaded a damaged copy")


def line(error: Exception) -> str:
    """Return the exception as the last line of its traceback."""
    return f"{type(error).__name__}: {error}"
