"""Names and arguments that are computed while loading, so that no text in the stream says what they are."""

from __future__ import annotations

import base64
import zlib

from .assembly import call, dotted, glob, text
from .harness import prove, refuse

TOUCH = text("touch effect")
END = b"(" + TOUCH + b"tR."
STR = glob("builtins", "str")


def blob(data: bytes) -> bytes:
    return b"B" + len(data).to_bytes(4, "little") + data


def named(module: bytes, name: bytes = text("system")) -> bytes:
    return module + name + b"\x93" + END


ATTACKS = {
    "str": named(call(STR, text("os"))),
    "bytes.decode": named(call(dotted("builtins", "bytes.decode"), blob(b"os"))),
    "str of bytes": named(call(STR, blob(b"os"), text("ascii"))),
    "codecs.decode": named(call(glob("codecs", "decode"), text("bf"), text("rot13"))),
    "_codecs.decode": named(call(glob("_codecs", "decode"), blob(b"os"), text("ascii"))),
    "latin_1_decode": named(
        call(glob("_operator", "getitem"), call(glob("_codecs", "latin_1_decode"), blob(b"os")), b"I0\n")
    ),
    "base64": named(
        call(
            dotted("builtins", "bytes.decode"),
            call(glob("base64", "b64decode"), blob(base64.b64encode(b"os"))),
        )
    ),
    "zlib": named(
        call(dotted("builtins", "bytes.decode"), call(glob("zlib", "decompress"), blob(zlib.compress(b"os"))))
    ),
    "hexadecimal": named(
        call(dotted("builtins", "bytes.decode"), call(dotted("builtins", "bytes.fromhex"), text("6f73")))
    ),
    "str.join": named(call(dotted("builtins", "str.join"), text(""), b"(" + text("o") + text("s") + b"t")),
    "str.replace": named(call(dotted("builtins", "str.replace"), text("oxs"), text("x"), text(""))),
    "str.lower": named(call(dotted("builtins", "str.lower"), text("OS"))),
    "str.strip": named(call(dotted("builtins", "str.strip"), text(" os "))),
    "concat": named(call(glob("_operator", "concat"), text("o"), text("s"))),
    "format": named(call(dotted("builtins", "str.format"), text("{}s"), text("o"))),
    "chr": named(call(glob("_operator", "concat"), call(glob("builtins", "chr"), b"I111\n"), text("s"))),
    "reversed": named(
        call(dotted("builtins", "str.join"), text(""), call(glob("builtins", "reversed"), text("so")))
    ),
    "a slice": named(
        call(glob("_operator", "getitem"), text("chaos"), call(glob("builtins", "slice"), b"I3\n", b"N"))
    ),
    "the name as well": named(call(STR, text("os")), call(STR, text("system"))),
    "an attribute by a computed name": call(
        call(glob("builtins", "getattr"), glob("shutil", "os"), call(STR, text("system"))), TOUCH
    )
    + b".",
    "an import of a computed name": call(
        call(
            glob("builtins", "getattr"),
            call(glob("builtins", "__import__"), call(STR, text("os"))),
            text("system"),
        ),
        TOUCH,
    )
    + b".",
    "an item by a computed name": call(
        call(
            glob("_operator", "getitem"),
            b"\x8c\x02os\x8c\x08__dict__\x93",
            call(STR, text("system")),
        ),
        TOUCH,
    )
    + b".",
}
ATTACKS = {name: b"\x80\x04" + data for name, data in ATTACKS.items()}


def test_they_work_on_the_stock_engine() -> None:
    prove(ATTACKS)


def test_they_are_refused() -> None:
    refuse(ATTACKS)
