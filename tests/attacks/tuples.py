"""Tuples of one hash, made by going through the interpreter's hash of tuples backwards."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["colliding"]

BITS = 1 << 64
FIRST, SECOND, FIFTH = 11400714785074694791, 14029467366897019727, 2870177450012600261
LARGEST = (1 << 61) - 1


def turned(value: int, by: int) -> int:
    return ((value << by) | (value >> (64 - by))) % BITS


def started(lanes: list[int]) -> int:
    """Return what the hash is after these lanes."""
    done = FIFTH
    for lane in lanes:
        done = turned((done + lane * SECOND) % BITS, 31) * FIRST % BITS
    return done


def before(done: int, lanes: list[int]) -> int:
    """Return what the hash was before these lanes."""
    for lane in reversed(lanes):
        done = (turned(done * pow(FIRST, -1, BITS) % BITS, 64 - 31) - lane * SECOND) % BITS
    return done


def colliding(goal: int, longest: int) -> Iterator[tuple[int, int, int]]:
    """Yield (length, place, number): ``""`` everywhere but for the number at its place make a tuple of this hash."""
    for length in range(1, longest + 1):
        end = (goal - (length ^ FIFTH ^ 3527539)) % BITS
        for place in range(length):
            wanted = before(end, [0] * (length - place - 1))
            wanted = turned(wanted * pow(FIRST, -1, BITS) % BITS, 64 - 31)
            number = (wanted - started([0] * place)) * pow(SECOND, -1, BITS) % BITS
            number -= BITS if number >= BITS // 2 else 0
            if -LARGEST < number < LARGEST and number != -1:
                yield length, place, number
