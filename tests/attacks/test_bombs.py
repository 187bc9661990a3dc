"""Pickles that cost more than they weigh: time, memory, depth."""

from __future__ import annotations

import random
import struct

import pytest

from .assembly import call, glob, text
from .harness import prove, refuse
from .tuples import colliding


def doubled(levels: int, ends: bytes) -> bytes:
    """Return tuples of two tuples of two, and so on."""
    parts = [b"\x80\x04)\x94"]
    parts += [b"h" + bytes([level]) * 1 + b"h" + bytes([level]) + b"\x86\x94" for level in range(levels)]
    return b"".join(parts) + ends


def large(seed: int) -> bytes:
    """Return the opcode for an integer of a megabyte."""
    digits = random.Random(seed).getrandbits(8 * ((1 << 20) - 1)).to_bytes((1 << 20) - 1, "little")
    return b"\x8b" + struct.pack("<I", 1 << 20) + digits + b"\x01"


PRIME = (1 << 61) - 1
# Integers of one hash. The pickles are written by hand: to make such a dict takes as long as to load it.
COLLIDING = [b"\x8a\x0a" + (index * PRIME + 7).to_bytes(10, "little") for index in range(1, 60_000)]
# So many others that nobody keeps all of them in mind.
OTHERS = [
    b"\x8a\x08" + (index * 0x1F3C5_7A9B_D135 % PRIME + PRIME).to_bytes(8, "little")
    for index in range(300_000)
]
# Tuples of one hash, of empty texts and one number.
TUPLES = [
    b"("
    + b"h\x00" * place
    + b"\x8a\x08"
    + number.to_bytes(8, "little", signed=True)
    + b"h\x00" * (length - place - 1)
    + b"t"
    for length, place, number in colliding(12345, 400)
]


def alike(one: bytes, other: bytes, nested: bool = False) -> bytes:
    """Return a dict of tuples that differ only in which of two there is at each place."""
    keys = []
    for number in range(30_000):
        items = [other if number >> place & 1 else one for place in range(15)]
        if nested:
            keys.append(items[0] + b"".join(item + b"\x86" for item in items[1:]))
        else:
            keys.append(b"(" + b"".join(items) + b"t")
    return b"\x80\x04}(" + b"".join(key + b"N" for key in keys) + b"u."


ONE, TWO = (b"J" + struct.pack("<i", number) for number in (-1, -2))
WHOLE, DOUBLE = (b"G" + struct.pack(">d", number) for number in (1.0, 2.0**61))
COPIES = "cbuiltins\n{}\nq\x00"
ATTACKS = {
    "a key whose hash takes for ever": doubled(60, b"}h\x3cNs."),
    "an element whose hash takes for ever": doubled(60, b"\x8f(h\x3c\x90."),
    "a frozenset of such": doubled(60, b"(h\x3c\x91."),
    "a set made of a list with such": doubled(60, glob("builtins", "set") + b"]h\x3ca\x85R."),
    "the same list from the memo": doubled(
        60, glob("builtins", "set") + b"]r\x00\x01\x00\x00h\x3ca0j\x00\x01\x00\x00\x85R."
    ),
    "a list that is filled when it is an argument": doubled(
        60, glob("builtins", "set") + b"]r\x00\x01\x00\x00\x85j\x00\x01\x00\x00h\x3ca0R."
    ),
    "a set made of a deque with such": doubled(
        60, glob("builtins", "set") + call(glob("collections", "deque")) + b"h\x3ca\x85R."
    ),
    "an OrderedDict of pairs of such": doubled(
        60, glob("collections", "OrderedDict") + b"]h\x3cN\x86a\x85R."
    ),
    "copies of a list": b"\x80\x02("
    + COPIES.format("list").encode()
    + b"("
    + b"N" * 100_000
    + b"l\x85q\x01R"
    + b"h\x00h\x01R" * 3000
    + b"l.",
    "copies of text": b"\x80\x02("
    + COPIES.format("bytearray").encode()
    + text("a" * (1 << 20))
    + text("latin-1")
    + b"\x86q\x01R"
    + b"h\x00h\x01R" * 3000
    + b"l.",
    "a fraction of large integers": call(glob("fractions", "Fraction"), large(1), large(2)) + b".",
    "permutations of many": call(
        glob("itertools", "permutations"), b"]", b"J" + struct.pack("<i", 300_000_000)
    )
    + b".",
    "a product of copies": b"\x80\x02"
    + glob("itertools", "product")
    + b"(("
    + b"N" * 100_000
    + b"lq\x01"
    + b"h\x01" * 3000
    + b"tR.",
    "keys that collide": b"\x80\x04}(" + b"".join(key + b"N" for key in COLLIDING) + b"u.",
    "tuples that collide": b"\x80\x04\x8c\x00\x94}(" + b"".join(key + b"N" for key in TUPLES) + b"u\x86.",
    "tuples of -1 and -2": alike(ONE, TWO),
    "such pairs within pairs": alike(ONE, TWO, nested=True),
    "tuples of -1 and -2 as floats and integers": alike(ONE, b"G" + struct.pack(">d", -2.0)),
    "tuples of floats of one hash": alike(WHOLE, DOUBLE),
    "elements that collide": b"\x80\x04\x8f(" + b"".join(COLLIDING) + b"\x90.",
    "keys that collide behind many that do not": b"\x80\x04(("
    + b"".join(OTHERS)
    + b"l}("
    + b"".join(key + b"N" for key in COLLIDING)
    + b"ut.",
    "repetition": call(glob("operator", "mul"), text("x"), b"J" + struct.pack("<i", 2_000_000_000)) + b".",
    "list(range(n))": call(
        glob("builtins", "list"), call(glob("builtins", "range"), b"J" + struct.pack("<i", 200_000_000))
    )
    + b".",
    "power": call(glob("builtins", "pow"), b"I10\n", b"I100000000\n") + b".",
    "a fraction of a large exponent": call(glob("fractions", "Fraction"), text("1e100000000")) + b".",
    "a set of a large range": call(
        glob("builtins", "set"), call(glob("builtins", "range"), b"J" + struct.pack("<i", 100_000_000))
    )
    + b".",
    "sleep": call(glob("time", "sleep"), b"I20\n") + b".",
    "a long loop": call(glob("builtins", "sum"), call(glob("builtins", "range"), b"I3000000000\n")) + b".",
    "tuples nested a million deep, as a key": b"\x80\x04}N" + b"\x85" * 1_000_000 + b"Ns.",
    "a million empty lists for a megabyte": b"\x80\x04](" + b"]" * 20_000_000 + b"e.",
}


def test_they_work_on_the_stock_engine() -> None:
    prove(ATTACKS)


def test_they_are_refused() -> None:
    refuse(ATTACKS)


@pytest.mark.parametrize("name", ATTACKS)
def test_they_are_found_in_streams_that_are_too_large_to_be_examined(name: str) -> None:
    import brinery

    long = text("a" * (5 << 20)) + b"0"
    data = ATTACKS[name]
    verdict = brinery.scan(data[:2] + long + data[2:] if data[0] == 0x80 else long + data).verdict
    assert verdict not in {"clean", "needs"}


@pytest.mark.parametrize("protocol", range(5))
def test_honest_containers_are_taken_over_and_over(protocol: int) -> None:
    import collections
    import pickle

    import brinery

    values = [
        [{index, index + 1} for index in range(30_000)],
        [set(range(20_000)) for _ in range(5)] + [set(), frozenset()] * 3000,
        [collections.OrderedDict(a=index) for index in range(10_000)],
        [collections.deque(range(1000), maxlen=2000) for _ in range(100)],
        [bytearray(b"x" * 1000)] * 3000 + [bytearray(1000) for _ in range(1000)],
    ]
    for value in values:
        assert brinery.scan(pickle.dumps(value, protocol)).verdict == "clean"


@pytest.mark.parametrize("wrap", [b"\x85", b"\x94\x85"])
def test_a_million_levels_are_too_deep(wrap: bytes) -> None:
    import brinery

    with pytest.raises(brinery.PolicyError) as caught:
        brinery.loads(b"\x80\x04N" + wrap * 1_000_000 + b".", policy="data")
    assert caught.value.rule == "budget.depth"
