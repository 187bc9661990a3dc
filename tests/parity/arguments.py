"""Arguments of opcodes: mostly sound ones, and the odd ones that a reader of pickles has to judge."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from tests.parity import targets
from tests.parity.dice import Dice

INTEGERS = ["0", "1", "-1", "12", "255", "65536", "-2147483648", "123456789012345678901234567890"]
REALS = ["0.0", "-0.0", "1.5", "1e400", "nan", "-inf", "1e-400", ".5"]
STRINGS = [b"''", b'""', b"'a'", b'"it\'s"', b"'\\x41\\n'", b"'state'", b"'append'"]
TEXTS = [
    "",
    "a",
    "é",
    "name",
    "a b",
    "😀",
    "x" * 40,
    "'",
    "\\",
    "line\nend",
    "\x00",
    "state",
    "append",
    "\u2028",
]
DECIMALS = (
    "0 1 -1 00 01 +5 007 12 255 256 -0 1_000 _1 1__0 0x10 0b1 0o7 0X1F -0x8 09 1e3 nan inf 4294967295 4294967296 "
    "2147483648 -2147483649 9223372036854775807 9223372036854775808 -9223372036854775809 "
    "123456789012345678901234567890 １ ٣ 12L 0L L -L LL 5l 0x10L 12LL"
).split(" ") + ["", " 1", "1 ", "\t2", "1\r", "1\x00", "\x00", " ", "--1", "+-1", "9" * 5000]
FLOATS = "0 1 -1 1.5 -0.0 1e400 -1e400 nan -nan inf -inf Infinity 1_0.5 1e 0x1p3 1,5 .5 5. 1e-400 1d5 ".split(
    " "
) + [
    " 1.5",
    "1.5 ",
    "1.5\x00",
    "",
]
QUOTED = [
    b"''",
    b'""',
    b"'a'",
    b'"it\'s"',
    b"'\\x41\\n\\t\\\\'",
    b"'\\xe9'",
    b"'\xe9'",
    b"'\\x4'",
    b"'\\'",
    b"'",
    b"",
    b"a",
    b"'a\"",
    b"'a' ",
    b"  'a'",
    b"'\\u0041'",
    b"'\\777'",
    b"'\\400'",
    b"'\\0'",
    b"'\\q'",
    b"'\\\r'",
    b"'a\x00b'",
    b"'''",
    b"'a'b'",
]
RAW = [
    b"",
    b"a",
    b"\\u0041",
    b"\\U0001f600",
    b"\\u",
    b"\\u12",
    b"\\U00110000",
    b"\\ud800",
    b"\\\\u0041",
    b"\xe9",
    b"\\x41",
    b"a\x00b",
    b"\\",
    b"\\u005cn",
    b"\\U0000000",
]


def one_of(dice: Dice, sound: Sequence, odd: Sequence) -> object:
    """Return one of what is sound, or now and then one of what is odd."""
    return dice.choice(odd) if dice.odd(0.2) else dice.choice(sound)


def line(text: str) -> bytes:
    """Return a text argument with its end."""
    return text.encode("utf-8", "surrogatepass") + b"\n"


def utf8(dice: Dice) -> bytes:
    """Return UTF-8, now and then with surrogates or spoilt."""
    text = dice.choice(TEXTS)
    if dice.odd(0.03):
        return b"\xed\xa0\x80" + text.encode()
    if dice.odd(0.03):
        return text.encode() + dice.choice([b"\xff", b"\xc3", b"\xc0\x80", b"\xf4\x90\x80\x80"])
    return text.encode()


def counted(dice: Dice, layout: str, data: bytes) -> bytes:
    """Return data after its length, which is now and then a false one."""
    size = len(data)
    if dice.odd(0.03):
        size = dice.choice([size + 1, max(size - 1, 0), 127, 128, 255])
    elif dice.odd(0.015):
        size = dice.choice([2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**63, 2**64 - 1, 10**6])
    bits = 8 * struct.calcsize(layout)
    return (size % (1 << bits)).to_bytes(bits // 8, "little") + data


def index(dice: Dice) -> int:
    """Return an index of the memo."""
    return dice.choice([0, 1, 2, 3, 4, 5, 6, 7, 255, 256, 1000]) if dice.odd(0.2) else dice.randrange(6)


def text_index(dice: Dice) -> bytes:
    """Return an index of the memo as text."""
    if dice.odd(0.1):
        return line(dice.choice(DECIMALS[:-1]))
    return b"%d\n" % index(dice)


def wide_index(dice: Dice) -> bytes:
    """Return an index of the memo in four bytes."""
    if dice.odd(0.05):
        return struct.pack("<I", dice.choice([2**31 - 1, 2**31, 2**32 - 1, 70000, 10**9]))
    return struct.pack("<I", index(dice))


def name(dice: Dice) -> tuple[str, str]:
    """Return a module and a name in it."""
    if dice.odd(0.1):
        return dice.choice(targets.MISSING)
    if dice.random() < 0.7:
        return targets.MODULE, dice.choice(targets.NAMES)
    return dice.choice(targets.OTHERS)


def two_lines(dice: Dice) -> bytes:
    """Return the argument of GLOBAL and INST."""
    module, attribute = name(dice)
    if dice.odd(0.02):
        attribute = dice.choice(["\udc80", "é", " Plain", "Plain ", "Plain\r", ""])
    return line(module) + line(attribute)


def code(dice: Dice, size: int) -> bytes:
    """Return an extension code."""
    known = (
        targets.UNREGISTERED if dice.odd(0.3) else [code for code in targets.CODES if code < 1 << (8 * size)]
    )
    return (dice.choice(known) % (1 << (8 * size))).to_bytes(size, "little")


def long_bytes(dice: Dice) -> bytes:
    """Return the little-endian bytes of a long, padded or not."""
    size = dice.choice([0, 1, 1, 2, 3, 4, 5, 8, 9, 16, 200])
    return bytes(dice.choice([0, 0xFF, 0x80, 0x7F, dice.randrange(256)]) for _ in range(size))


def some_bytes(dice: Dice) -> bytes:
    """Return bytes of any kind."""
    return dice.choice([b"", b"a", b"\x80", b"bytes", bytes(range(256)), b"\xff" * 300, utf8(dice)])
