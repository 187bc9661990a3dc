"""Keys of one hash that are no integers and no tuples: what calls make of numbers, and frozensets; and keys within pairs."""

from __future__ import annotations

import collections
import random
import struct
from collections.abc import Iterator

import pytest

from .assembly import glob, text
from .harness import prove, refuse
from .tuples import FIRST, SECOND, before, started, turned

BITS = 1 << 64
PRIME = (1 << 61) - 1
# What CPython makes of the hash of an element of a frozenset, before all of them are put together.
MULTIPLIER, MIXED = 3644798167, 89869747
DICE = random.Random(1)


def shuffled(hash_: int) -> int:
    return (hash_ ^ MIXED ^ hash_ << 16) * MULTIPLIER % BITS


def unshuffled(value: int) -> int:
    value = value * pow(MULTIPLIER, -1, BITS) % BITS ^ MIXED
    hash_ = value
    for _ in range(4):
        hash_ = value ^ hash_ << 16 & BITS - 1
    return hash_ - BITS if hash_ >= BITS // 2 else hash_


def long(number: int) -> bytes:
    data = number.to_bytes(10, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def real(number: float) -> bytes:
    return b"G" + struct.pack(">d", number)


def pairs(count: int) -> Iterator[tuple[int, int]]:
    """Yield the elements of frozensets of one hash."""
    goal, one = DICE.getrandbits(64), 0
    while count:
        one += 1
        other = unshuffled(goal ^ shuffled(one))
        if -PRIME < other < PRIME and other != -1:
            count -= 1
            yield one, other


def choices(hashes: list[int], count: int) -> list[list[int]]:
    """Return as many sets of indexes, all of one size, whose hashes come to the same."""
    pivots: dict[int, tuple[int, int]] = {}
    nothing = []
    for index, hash_ in enumerate(hashes):
        value, members = shuffled(hash_ % BITS), 1 << index
        while value and value.bit_length() in pivots:
            pivot = pivots[value.bit_length()]
            value, members = value ^ pivot[0], members ^ pivot[1]
        if value:
            pivots[value.bit_length()] = (value, members)
        else:
            nothing.append(members)
    found: dict[int, set[int]] = {}
    members = 0
    while True:
        members ^= DICE.choice(nothing)
        same = found.setdefault(bin(members).count("1"), set())
        same.add(members)
        if len(same) == count:
            return [[index for index in range(len(hashes)) if one >> index & 1] for one in same]


def ranges(count: int) -> Iterator[tuple[int, int, int]]:
    """Yield the arguments of ranges of one hash, which is that of the tuple of the length, the start and the step."""
    goal = started([1000, 12345, 3])
    length = 0
    while count:
        length += 1
        wanted = turned(before(goal, [3]) * pow(FIRST, -1, BITS) % BITS, 64 - 31)
        start = (wanted - started([length])) * pow(SECOND, -1, BITS) % BITS
        start -= BITS if start >= BITS // 2 else 0
        if -PRIME < start < PRIME and start not in (-1, -2):
            count -= 1
            yield start, start + 3 * length, 3


def fractions(count: int) -> Iterator[str]:
    for _ in range(count):
        below = DICE.randrange(1 << 60, PRIME)
        yield f"{7 * below % PRIME}/{below}"


def keys(parts: list[bytes], before_: bytes = b"") -> bytes:
    return b"\x80\x04" + before_ + b"}(" + b"".join(part + b"N" for part in parts) + b"u."


def calls(module: str, name: str, arguments: list[bytes]) -> bytes:
    return keys([b"h\x00" + parts + b"R" for parts in arguments], glob(module, name) + b"\x940")


def fetched(sets: list[list[int]], elements: list[bytes]) -> bytes:
    """Return a dict of frozensets of these elements, which are in the memo."""
    first = b"".join(element + b"\x940" for element in elements)
    return keys([b"(" + b"".join(b"h" + bytes([at]) for at in one) + b"\x91" for one in sets], first)


def heavy(levels: int) -> bytes:
    """Return tuples of two tuples of two, and so on, the last of which is in the memo after so many others."""
    return b")\x94" + b"".join(b"h" + bytes([at]) + b"h" + bytes([at]) + b"\x86\x94" for at in range(levels))


SMALL = list(range(1, 160))
# The hash of a frozenset of one small integer.
ONES = [hash(frozenset([number])) for number in SMALL]
DICT = glob("builtins", "dict")
ATTACKS = {
    "decimals": calls(
        "decimal", "Decimal", [text(str(5 + number * PRIME)) + b"\x85" for number in range(40_000)]
    ),
    "decimals with exponents": calls(
        "decimal",
        "Decimal",
        [text(f"{7 * pow(pow(10, n, PRIME), -1, PRIME) % PRIME}E+{n}") + b"\x85" for n in range(40_000)],
    ),
    "fractions": calls("fractions", "Fraction", [text(one) + b"\x85" for one in fractions(12_000)]),
    "decimals in a set": calls(
        "decimal", "Decimal", [text(str(5 + number * PRIME)) + b"\x85" for number in range(40_000)]
    )
    .replace(b"}(", b"\x8f(")
    .replace(b"RN", b"R")
    .replace(b"u.", b"\x90."),
    "decimals in an ordered dict": calls(
        "decimal", "Decimal", [text(str(5 + number * PRIME)) + b"\x85" for number in range(40_000)]
    ).replace(b"}(", glob("collections", "OrderedDict") + b")R("),
    "fractions of integers": calls(
        "fractions",
        "Fraction",
        [long(7 * below % PRIME) + long(below) + b"\x86" for below in range(1 << 60, (1 << 60) + 12_000)],
    ),
    "UUIDs": keys(
        [
            b"h\x00)\x81}" + text("int") + b"\x8a\x10" + (5 + n * PRIME).to_bytes(16, "little") + b"sb"
            for n in range(40_000)
        ],
        glob("uuid", "UUID") + b"\x940",
    ),
    "complex numbers": calls(
        "builtins", "complex", [real(9.0 - 1000003 * n) + real(n) + b"\x86" for n in range(-20_000, 20_000)]
    ),
    "ranges": calls(
        "builtins", "range", [long(start) + long(stop) + b"K\x03\x87" for start, stop, _ in ranges(40_000)]
    ),
    "frozensets": keys([b"(" + long(one) + long(other) + b"\x91" for one, other in pairs(22_000)]),
    "frozensets with one element twice": keys(
        [b"(" + long(one) + long(other) + long(one) + b"\x91" for one, other in pairs(30_000)]
    ),
    "frozensets in tuples": keys(
        [b"(" + long(one) + long(other) + b"\x91\x85" for one, other in pairs(22_000)]
    ),
    "frozensets of small integers": fetched(
        choices(SMALL, 20_000), [b"K" + bytes([number]) for number in SMALL]
    ),
    "frozensets of frozensets": fetched(
        choices(ONES, 20_000), [b"(K" + bytes([number]) + b"\x91" for number in SMALL]
    ),
    "a pair whose key takes for ever": b"\x80\x04" + heavy(32) + DICT + b"](h\x20K\x01e\x85\x85R.",
    "pairs in a tuple": b"\x80\x04"
    + heavy(20)
    + DICT
    + b"](h\x14K\x01e\x940("
    + b"h\x15" * 3000
    + b"t\x85R.",
    "pairs that are sets": b"\x80\x04"
    + heavy(20)
    + DICT
    + b"\x8f(h\x14h\x14\x85\x90\x940("
    + b"h\x15" * 3000
    + b"t\x85R.",
    "pairs that are dicts": b"\x80\x04"
    + heavy(20)
    + DICT
    + b"}(h\x14K\x01K\x02K\x03u\x940("
    + b"h\x15" * 3000
    + b"t\x85R.",
}


def test_they_work_on_the_stock_engine() -> None:
    prove(ATTACKS)


def test_they_are_refused() -> None:
    """Nothing is imported before: not even the modules of the first of them."""
    refuse(ATTACKS)


@pytest.mark.parametrize("name", ATTACKS)
def test_they_are_found_in_streams_of_any_size(name: str) -> None:
    import brinery

    assert brinery.scan(ATTACKS[name]).verdict == "budget"
    long_ = text("a" * (5 << 20)) + b"0"
    assert brinery.scan(ATTACKS[name][:2] + long_ + ATTACKS[name][2:]).verdict == "budget"


def test_scalars_of_one_hash_are_found() -> None:
    import brinery

    dtype = glob("numpy", "dtype") + text("c16") + b"\x89\x88\x87R\x940"
    first = glob("numpy.core.multiarray", "scalar") + b"\x940" + dtype
    for step, verdict in ((1000003, "budget"), (1000001, "clean")):
        values = [struct.pack("<dd", 9.0 - step * n, n) for n in range(5000)]
        data = keys([b"h\x00h\x01C\x10" + value + b"\x86R" for value in values], first)
        assert brinery.scan(data).verdict == verdict


@pytest.mark.parametrize("protocol", range(6))
def test_honest_keys_are_left_alone(protocol: int) -> None:
    import decimal
    import fractions
    import itertools
    import pickle

    import brinery

    prices = {decimal.Decimal(number).scaleb(-2): number for number in range(5000)}
    large = {decimal.Decimal(DICE.getrandbits(90)) / 7: None for _ in range(3000)}
    parts = {fractions.Fraction(number, 7 + number % 1000): None for number in range(5000)}
    grid = {complex(x, y): None for x in range(-40, 40) for y in range(-40, 40)}
    spans = {range(number << 33, (number << 33) + 9): None for number in range(2000)}
    edges = {frozenset(pair): None for pair in itertools.combinations(range(-5, 90), 2)}
    triangles = {
        frozenset(frozenset([one, 5]) for one in three): 1 for three in itertools.combinations(range(25), 3)
    }
    again = [frozenset([1, 2**40, index % 3]) for index in range(5000)]
    for value in (prices, large, parts, grid, spans, edges, triangles, again):
        report = brinery.scan(pickle.dumps(value, protocol))
        assert report.verdict == "clean", report
    shared = [["a", 1], ["b", 2]]
    pairs_ = [
        collections.OrderedDict(a=shared, b=[shared]),
        collections.Counter("abc"),
        {(1, 2): shared},
    ] * 50
    report = brinery.scan(pickle.dumps(pairs_, protocol))
    assert report.verdict == "clean", report
