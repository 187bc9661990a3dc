"""The memo: what is stored at an index is not what a reader who counts otherwise takes it for."""

from __future__ import annotations

import struct

from .assembly import call, glob, text
from .harness import prove, refuse

TOUCH = text("touch effect")
SYSTEM = glob("os", "system")
LEN = glob("builtins", "len")
END = b"(" + TOUCH + b"tR."
ATTACKS = {
    "stored over": LEN + b"p0\n0" + SYSTEM + b"p0\n0g0\n" + END,
    "stored over in another spelling": LEN + b"p0\n0" + SYSTEM + b"q\x000g0\n" + END,
    "fetched in another spelling": LEN + b"p256\n0" + SYSTEM + b"r\0\1\0\x000g256\n" + END,
    "MEMOIZE counts what is stored": b"\x80\x04" + LEN + b"q\x05" + SYSTEM + b"\x94" + b"00h\1" + END,
    "MEMOIZE over what was stored": b"\x80\x04" + LEN + b"q\x01" + SYSTEM + b"\x9400h\1" + END,
    "MEMOIZE after storing twice at one index": b"\x80\x04"
    + LEN
    + b"q\0"
    + LEN
    + b"q\0"
    + SYSTEM
    + b"\x94"
    + b"000h\1"
    + END,
    "a far index": SYSTEM + b"p4000000\n0g4000000\n" + END,
    "an index with zeros": SYSTEM + b"p007\n0g7\n" + END,
    "an index with a sign": SYSTEM + b"p7\n0g+7\n" + END,
    "an index with blanks": SYSTEM + b"p 7\n0g7 \n" + END,
    "an index with an underscore": SYSTEM + b"p1_0\n0g10\n" + END,
    "stored under a mark": b"(" + SYSTEM + b"p3\n1g3\n" + END,
    "stored as an item": b"](" + SYSTEM + b"p3\ne0g3\n" + END,
    "stored as a key": b"}(" + SYSTEM + b"p3\nNu0g3\n" + END,
    "arguments that are filled after they were stored": b"]p1\n0"
    + glob("builtins", "map")
    + b"("
    + SYSTEM
    + b"g1\n"
    + TOUCH
    + b"atR"
    + b"p2\n0"
    + call(glob("builtins", "tuple"), b"g2\n")
    + b".",
    "beside a list that holds itself": b"]p0\ng0\na" + SYSTEM + b"p1\na0g1\n" + END,
    "a name stored over": b"\x80\x04"
    + text("json")
    + b"q\0"
    + text("dumps")
    + b"q\1"
    + text("os")
    + b"q\0"
    + text("system")
    + b"q\x01"
    + b"0000h\0h\1\x93"
    + END,
    "four bytes of index": SYSTEM
    + b"r"
    + struct.pack("<I", 70_000)
    + b"0j"
    + struct.pack("<I", 70_000)
    + END,
}


def test_they_work_on_the_stock_engine() -> None:
    prove(ATTACKS)


def test_they_are_refused() -> None:
    refuse(ATTACKS)
