"""Attacks that cost time and memory, by the names of policies that were learnt: sizes, numbers, texts, hashes, iterators."""

from __future__ import annotations

import zlib
from typing import Any

import pytest

from .assembly import call, glob, newobj, text, tup
from .harness import prove, refuse
from .learning import big, build, doubled, learnt, made, named, new, number
from .programs import (
    Blob,
    Buffer,
    Entry,
    Folder,
    Grid,
    Item,
    Joined,
    Label,
    Level,
    Money,
    Order,
    Packed,
    Page,
    Power,
    Queue,
    Ratio,
    Row,
    Series,
    Table,
    Tags,
    Tally,
    Waiter,
    Word,
)

ITER = glob("builtins", "iter")
RANGE = call(glob("builtins", "range"), b"K\x00", number(10**10), b"K\x01")
FOREVER = call(glob("itertools", "repeat"), b"K\x00")
COUNT = call(glob("itertools", "count"), b"K\x00", b"K\x01")
ONE = b"K\x01"
GIGABYTES = number(3 << 30)


def bytes_of(content: bytes) -> bytes:
    """Return the opcode for bytes."""
    return b"B" + len(content).to_bytes(4, "little") + content


def deep(levels: int) -> bytes:
    """Return the opcodes for lists of the same list twice, and so on: what is printed twice as long each time."""
    parts = [b"]r\xc8\x00\x00\x00" + ONE + b"a0"]
    for level in range(200, 200 + levels):
        get = b"j" + level.to_bytes(4, "little")
        parts += [b"](", get, get, b"er" + (level + 1).to_bytes(4, "little"), b"0"]
    return b"".join(parts) + b"j" + (200 + levels).to_bytes(4, "little")


def many(each: bytes, before: bytes, count: int) -> bytes:
    """Return the opcodes for a list of so many, after what goes into the memo."""
    return before + b"](" + each * count + b"e"


def unfolded(levels: int) -> bytes:
    """Return the opcodes for entries of pairs of the same entry, and so on, each of which gets its parts when it is in a tuple."""
    parts = [new("Entry") + b"r\xc8\x00\x00\x000"]
    for level in range(200, 200 + 2 * levels, 2):
        inner, pair, outer = (b"j" + number.to_bytes(4, "little") for number in (level, level + 1, level + 2))
        parts += [inner, inner, b"\x86r", pair[1:], b"0"]
        parts += [new("Entry"), b"r", outer[1:], b"}", text("parts"), pair, b"sb0"]
    parts += [b"j\xc8\x00\x00\x00}", text("parts"), ONE, b"sb0"]
    return b"".join(parts) + b"j" + (200 + 2 * levels).to_bytes(4, "little")


COLLECTIONS: dict[str, tuple[list[Any], dict[str, bytes]]] = {
    "what takes sizes": (
        [
            [Buffer(b"abc"), Blob(b"abc"), Label("abc"), Level(5), Series([1, 2]), Tags([1, "a"])],
            [Grid(3, 4), Page("ab", 5), Word(7)],
            [Order(id=5), Row(1, 2)],
        ],
        {
            "bytes of a size": newobj(named("Blob"), GIGABYTES),
            "bytes of a size, called": made("Blob", GIGABYTES),
            "a buffer of a size": made("Buffer", GIGABYTES),
            "letters of a number": new("Word", GIGABYTES),
            "many buffers of a small size": many(
                b"h\x00h\x01R", named("Buffer") + b"q\x00" + tup(number(32768)) + b"q\x01", 120_000
            ),
            "many words of a small size": many(
                b"h\x00h\x01\x81", named("Word") + b"q\x00" + tup(number(100_000)) + b"q\x01", 40_000
            ),
            "rows and columns": made("Grid", number(32768), number(32768)),
            "many grids": many(
                b"h\x00h\x01R", named("Grid") + b"q\x00" + tup(number(300), number(300)) + b"q\x01", 4000
            ),
            "a text many times": made("Page", text("a" * 200_000), number(32768)),
            "a tuple of a range": newobj(named("Series"), RANGE),
            "a tuple of no end": newobj(named("Series"), FOREVER),
            "a tuple of all numbers": newobj(named("Series"), COUNT),
            "a set of all numbers": newobj(named("Tags"), COUNT),
            "bytes of a range": newobj(named("Blob"), RANGE),
            "a text of what doubles": newobj(named("Label"), deep(40)),
            "a buffer of the same for ever": made("Buffer", FOREVER),
            "copies of a tuple": many(
                b"h\x00h\x01\x81",
                named("Series") + b"q\x00" + tup(b"](" + b"N" * 60_000 + b"e") + b"q\x01",
                4000,
            ),
        },
    ),
    "numbers": (
        [
            [Ratio(1, 3), Money("1.5"), Power(2, 5), Level(7)],
            [Folder("/a/b"), Tally("abc"), Queue([1, 2], 5), Queue([1])],
        ],
        {
            "a fraction of a large exponent": made("Ratio", text("1e99999999")),
            "powers": made("Power", number(32767), number(32767 * 1000)),
            "a counter of all numbers": made("Tally", COUNT),
            "a queue of all numbers": made("Queue", COUNT),
            "a queue of the same for ever, of which little is kept": made("Queue", FOREVER, b"K\x05"),
        },
    ),
    "what works when it is made": (
        [
            [Waiter(3), Table(5), Packed(zlib.compress(b"abc")), Joined(["a", "b"])],
        ],
        {
            "turns": build(new("Waiter"), turns=number(10**10)),
            "room": build(new("Table"), size=number(1 << 30)),
            "much room": build(new("Table"), size=number(1 << 33)),
            "what unpacks to much": made("Packed", bytes_of(zlib.compress(b"\x00" * (1 << 29), 9))),
            "texts of texts": made("Joined", b"](" + text("a" * 8000) + b"q\x05" + b"h\x05" * 20_000 + b"e"),
        },
    ),
    "keys": (
        [
            [{Entry(5): 1, Entry((1, 2)): 2}, {Item("a", 1), Item((1, 2), 2)}, {Row(1, (2, 3))}],
            [Entry([1, 2]), Order(a=1)],
        ],
        {
            "a key whose hash doubles": b"}" + build(new("Entry"), parts=doubled(45)) + b"Ns",
            "a list that is filled when it is in a key": b"}"
            + new("Entry")
            + b"q\x05}"
            + text("parts")
            + b"]q\x06sb0h\x06"
            + doubled(45)
            + b"a0"
            + b"h\x05Ns",
            "an item whose hash doubles": b"\x8f("
            + build(new("Item"), name=doubled(45), count=ONE)
            + b"\x90",
            "a row whose hash doubles": b"}" + newobj(named("Row"), ONE, doubled(45)) + b"Ns",
            "keys of one hash": b"}("
            + b"".join(
                build(new("Entry"), parts=big(index * ((1 << 61) - 1) + 7)) + b"N"
                for index in range(1, 16_000)
            )
            + b"u",
            "entries within tuples that get their parts later": b"}" + unfolded(27) + b"Ns",
        },
    ),
}


@pytest.fixture(params=list(COLLECTIONS))
def collection(request: pytest.FixtureRequest) -> tuple[str, dict[str, bytes]]:
    """Return a policy that was learnt, and attacks in two spellings."""
    honest, attacks = COLLECTIONS[request.param]
    return learnt(*honest), {name: b"\x80\x04" + data + b"." for name, data in attacks.items()}


def test_they_work_on_the_stock_engine(collection: tuple[str, dict[str, bytes]]) -> None:
    prove(collection[1], programs=True)


def test_they_are_refused(collection: tuple[str, dict[str, bytes]]) -> None:
    refuse(collection[1], [collection[0]], programs=True)
